"""How training jobs run, beside what they compute."""

from pydantic import Field

from sjft.settings.base import Settings


class TrainingJobSettings(Settings):
    """Memory and curves of training jobs.

    They decide nothing about the result, so that changing them reruns nothing.
    """

    cache_mb: int = Field(
        2000,
        ge=0,
        description="Memory for decoded images of a training job, in megabytes; with several "
        "processes they share it out. An image that is kept is not decoded again.",
    )
    tensorboard: bool = Field(
        False,
        description="Write curves for TensorBoard into the round's folder `tensorboard`; needs "
        "`pip install tensorboard`.",
    )
