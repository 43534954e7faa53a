"""How often training writes down where it is."""

from pydantic import Field

from sjft.settings.base import Settings


class CheckpointSettings(Settings):
    """Checkpoints of a round, under results/checkpoints/ until the round is done.

    They decide nothing about the result, so that changing them reruns nothing.
    """

    seconds: float = Field(600, gt=0, description="Write one when the last is so many seconds old.")
    updates: int | None = Field(
        None, ge=1, description="Write one after each so many updates as well."
    )
    keep: int = Field(2, ge=1, description="So many of the last are kept.")
