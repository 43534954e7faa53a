"""From a file to RGB pixels, whatever kind of picture it is.

Turned upright as its EXIF says; grey, palette, CMYK, and 16-bit pictures are converted; what is
transparent is laid over white. Anything else is refused with the file's name.

Plain JPEG files are decoded by simplejpeg: the same pixels as Pillow's in half the time. Pillow has
the last word wherever there is any doubt: a turned picture, four colours, a huge or damaged file.
"""

import io
import struct
import warnings
from pathlib import Path
from threading import Lock

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sjft.errors import BadImageError

JPEG_START = b"\xff\xd8\xff"
# EXIF may turn a picture upside down; a file of several pictures has a first one.
FOR_PILLOW = (b"Exif\0\0", b"MPF\0")
# What Pillow's decoders raise on damaged files: each has its own way to stumble.
DECODING_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError),
    *(TypeError, LookupError, ArithmeticError, RuntimeError, struct.error),
)
_OPENING = Lock()


def load_rgb(path: Path) -> Image.Image:
    """Decode one picture to an upright 8-bit RGB image of its own size.

    Raises `BadImageError` for a file that is missing, truncated, no image, of floating-point
    pixels, or so large that Pillow takes it for a decompression bomb.
    """
    return Image.fromarray(load_pixels(path))


def load_pixels(path: Path, at_least: int | None = None) -> NDArray[np.uint8]:
    """What `load_rgb` gives, as an array: uint8 [height, width, 3].

    With ``at_least``, a plain JPEG is decoded at a half, a quarter or an eighth of its size, where
    its shorter side then still has so many pixels.
    """
    try:
        content = path.read_bytes()
        pixels = _plain_jpeg(content, at_least)
        if pixels is not None:
            return pixels
        with _opened(content) as picture:
            picture.load()
            return np.array(_to_rgb(ImageOps.exif_transpose(picture)))
    except UnidentifiedImageError:
        raise BadImageError(path, "is not an image that Pillow can read") from None
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise BadImageError(path, f"is too large ({error})") from None
    except DECODING_ERRORS as error:
        raise BadImageError(path, f"cannot be decoded ({error})") from None


def _opened(content: bytes) -> Image.Image:
    """A picture of which the header alone has been read; too large a one is refused.

    Filters of warnings are the process's: threads take turns.
    """
    with _OPENING, warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(content))


def _plain_jpeg(content: bytes, at_least: int | None) -> NDArray[np.uint8] | None:
    """The pixels of a JPEG of colours or greys that may not be turned; None for any other file.

    Also None for damaged ones: simplejpeg refuses whatever its library warns of, a missing end of
    the file among it.
    """
    # Where these bytes stand by chance, Pillow decodes the file to the same pixels.
    if not content.startswith(JPEG_START) or any(mark in content for mark in FOR_PILLOW):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        too_large = height * width > (Image.MAX_IMAGE_PIXELS or 0)
        if too_large or colours not in ("Gray", "YCbCr", "RGB"):
            return None
        width, height = _decoded_size((width, height), at_least)
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            content, strict=True, min_width=width, min_height=height
        )
    except ValueError:
        return None
    return pixels if pixels.shape[1::-1] == (width, height) else None


def _decoded_size(size: tuple[int, int], at_least: int | None) -> tuple[int, int]:
    """Width and height at the least of libjpeg's powers of two that leaves so many pixels."""
    for divisor in (8, 4, 2):
        width, height = (-(-length // divisor) for length in size)
        if at_least is not None and min(width, height) >= at_least:
            return width, height
    return size


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
