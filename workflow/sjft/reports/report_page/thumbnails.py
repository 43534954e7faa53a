"""Small images inside the page: whole ones, so that two can be compared."""

import io
import logging
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from sjft.data.pixels import load_pixels
from sjft.errors import BadImageError
from sjft.settings.image_limits import ImageLimits

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Detail:
    """How much of an image is kept: ``side`` pixels at its longer side, JPEG of a ``quality``."""

    side: int
    quality: int


# The first is what a page has, the others are for one that would be too large with it.
DETAILS = (Detail(128, 80), Detail(112, 75), Detail(96, 70), Detail(80, 65), Detail(64, 60))


@dataclass(frozen=True)
class Thumbnail:
    """An image of at most the first of the `DETAILS`."""

    image: Image.Image

    def address(self, detail: Detail) -> str:
        """The image itself, as an address."""
        small = self.image.copy()
        small.thumbnail((detail.side, detail.side), Image.Resampling.LANCZOS)
        written = io.BytesIO()
        small.save(written, "JPEG", quality=detail.quality)
        return "data:image/jpeg;base64," + b64encode(written.getvalue()).decode("ascii")


def thumbnail(path: Path, limits: ImageLimits) -> Thumbnail | None:
    """A small image; None where it cannot be read."""
    side = DETAILS[0].side
    try:
        image = Image.fromarray(load_pixels(path, side, limits))
    except BadImageError as error:
        LOG.warning("not shown: %s: %s", error.path, error.reason)
        return None
    image.thumbnail((side, side), Image.Resampling.LANCZOS)
    return Thumbnail(image)
