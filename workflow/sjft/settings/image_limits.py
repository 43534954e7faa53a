"""Which images are too large to be opened."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from sjft.settings.base import Settings


class ImageLimits(Settings):
    """Limits on files and images, so that none takes all the memory of a job.

    Beyond them a file is a bad image, with the limit in its reason.
    """

    largest_file: float = Field(
        500,
        gt=0,
        le=10**6,
        description="Megabytes (10^6 bytes) of the largest file that is taken for an image. What "
        "is larger is left out of class folders, counted and named; in a list it is an error.",
    )
    largest_image: float = Field(
        89.5,
        gt=0,
        le=10**6,
        description="Megapixels (10^6 pixels, width times height) of the largest image that is "
        "decoded. A larger one is a bad image.",
    )

    @property
    def bytes(self) -> int:
        """The largest number of bytes of a file."""
        return int(self.largest_file * 10**6)

    @property
    def pixels(self) -> int:
        """The largest number of pixels of an image."""
        return int(self.largest_image * 10**6)


def limits_among(settings: Mapping[str, Any]) -> ImageLimits:
    """The limits among some of a data set's settings; generated images have the usual ones."""
    own = {key: settings[key] for key in ImageLimits.model_fields if key in settings}
    return ImageLimits.model_validate(own)


def limits_of_any(datasets: Iterable[Mapping[str, Any]]) -> ImageLimits:
    """What passes for one at least of the data sets, of each of which some settings are given."""
    return widest(limits_among(settings) for settings in datasets)


def widest(limits: Iterable[ImageLimits]) -> ImageLimits:
    """Limits that let everything pass that one of these does."""
    given = list(limits)
    return ImageLimits(
        largest_file=max(one.largest_file for one in given),
        largest_image=max(one.largest_image for one in given),
    )
