"""Small images inside the page: whole ones, so that two can be compared."""

import io
import logging
from base64 import b64encode
from pathlib import Path

from PIL import Image

from sjft.data.pixels import load_pixels
from sjft.errors import BadImageError
from sjft.settings.image_limits import ImageLimits

LOG = logging.getLogger(__name__)
SIDE = 128
QUALITY = 80


def thumbnail(path: Path, limits: ImageLimits) -> str | None:
    """An image, `SIDE` pixels at its longer side, as an address; None where it cannot be read."""
    try:
        image = Image.fromarray(load_pixels(path, SIDE, limits))
    except BadImageError as error:
        LOG.warning("not shown: %s: %s", error.path, error.reason)
        return None
    image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    written = io.BytesIO()
    image.save(written, "JPEG", quality=QUALITY)
    return "data:image/jpeg;base64," + b64encode(written.getvalue()).decode("ascii")
