"""Which picture files are opened at all."""

from pydantic import Field

from sjft.settings.base import Settings


class PictureLimits(Settings):
    """Limits on picture files, so that none takes all the memory of a job.

    A file beyond them is a bad image, with the limit in its reason: see `on_bad_image`.
    """

    max_megapixels: float = Field(
        89.5,
        gt=0,
        le=10_000,
        description="Width times height of a picture, in millions of pixels, at most; each million "
        "takes up to 12 MB while it is decoded.",
    )
    max_megabytes: float = Field(
        500,
        gt=0,
        le=100_000,
        description="Size of a picture's file, in millions of bytes, at most.",
    )

    @property
    def pixels(self) -> int:
        """The largest number of pixels."""
        return int(self.max_megapixels * 1e6)

    @property
    def bytes(self) -> int:
        """The largest number of bytes."""
        return int(self.max_megabytes * 1e6)
