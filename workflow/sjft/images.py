"""From a file to RGB pixels, whatever kind of picture it is.

Turned upright as its EXIF says; grey, palette, CMYK, and 16-bit pictures are converted; what is
transparent is laid over white. Anything else is refused with the file's name.
"""

import struct
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sjft.errors import BadImageError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})
# What Pillow's decoders raise on damaged files: each has its own way to stumble.
DECODING_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError),
    *(TypeError, LookupError, ArithmeticError, struct.error),
)


def load_rgb(path: Path) -> Image.Image:
    """Decode one picture to an upright 8-bit RGB image of its own size.

    Raises `BadImageError` for a file that is missing, truncated, no image, of floating-point
    pixels, or so large that Pillow takes it for a decompression bomb.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                picture.load()
                return _to_rgb(ImageOps.exif_transpose(picture))
    except UnidentifiedImageError:
        raise BadImageError(path, "is not an image that Pillow can read") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise BadImageError(path, f"is too large ({error})") from None
    except DECODING_ERRORS as error:
        raise BadImageError(path, f"cannot be decoded ({error})") from None


def _to_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode == "RGB" and not picture.has_transparency_data:
        return picture
    if picture.mode.startswith("I"):
        # Pillow's own conversion clips 16 bits to 8 instead of scaling them.
        levels = np.asarray(picture, dtype=np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise ValueError("integer pixels outside 0..65535")
        if picture.mode != "I" or levels.max() > 255:
            levels = (levels + 128) // 257
        return Image.fromarray(levels.astype(np.uint8), "L").convert("RGB")
    if picture.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if picture.has_transparency_data:
        layered = picture.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return picture.convert("RGB")
