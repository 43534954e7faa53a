"""Which pictures are too large to be opened."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from sjft.settings.base import Settings


class PictureLimits(Settings):
    """Limits on files and pictures, so that none takes all the memory of a job.

    Beyond them a file is a bad image, with the limit in its reason.
    """

    largest_file: float = Field(
        500,
        gt=0,
        le=10**6,
        description="Megabytes (10^6 bytes) of the largest file that is taken for a picture. What "
        "is larger is left out of class folders, counted and named; in a list it is an error.",
    )
    largest_picture: float = Field(
        89.5,
        gt=0,
        le=10**6,
        description="Megapixels (10^6 pixels, width times height) of the largest picture that is "
        "decoded. A larger one is a bad image.",
    )

    @property
    def bytes(self) -> int:
        """The largest number of bytes of a file."""
        return int(self.largest_file * 10**6)

    @property
    def pixels(self) -> int:
        """The largest number of pixels of a picture."""
        return int(self.largest_picture * 10**6)


def limits_among(settings: Mapping[str, Any]) -> PictureLimits:
    """The limits among some of a data set's settings; generated pictures have the usual ones."""
    own = {key: settings[key] for key in PictureLimits.model_fields if key in settings}
    return PictureLimits.model_validate(own)


def limits_of_any(datasets: Iterable[Mapping[str, Any]]) -> PictureLimits:
    """What passes for one at least of the data sets, of each of which some settings are given."""
    return widest(limits_among(settings) for settings in datasets)


def widest(limits: Iterable[PictureLimits]) -> PictureLimits:
    """Limits that let everything pass that one of these does."""
    given = list(limits)
    return PictureLimits(
        largest_file=max(one.largest_file for one in given),
        largest_picture=max(one.largest_picture for one in given),
    )
