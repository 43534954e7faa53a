"""From a file to RGB pixels, whatever kind of image it is.

Turned upright as its EXIF or XMP says; grey, palette, CMYK, and 16-bit images are converted; what
is transparent is laid over white. Anything else is refused with the file's name.

Plain JPEG files go the short way of `sjft.data.plain_jpeg`, all others through Pillow. Nothing but
regular files is opened, and neither a file nor an image that is larger than the limits.
"""

import io
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from sjft.data.plain_jpeg import DECODING_ERRORS, decode_plain_jpeg
from sjft.data.regular_file import TooLargeError, read_regular_file
from sjft.errors import BadImageError
from sjft.settings.image_limits import ImageLimits

USUAL_LIMITS = ImageLimits()


def load_rgb(path: Path, limits: ImageLimits = USUAL_LIMITS) -> Image.Image:
    """Decode one image to an upright 8-bit RGB image of its own size.

    Raises `BadImageError` for a file that is missing, no regular file, truncated, no image, of
    floating-point pixels, or over the ``limits``.
    """
    return Image.fromarray(load_pixels(path, limits=limits))


def load_pixels(
    path: Path, at_least: int | None = None, limits: ImageLimits = USUAL_LIMITS
) -> NDArray[np.uint8]:
    """What `load_rgb` gives, as an array: uint8 [height, width, 3].

    With ``at_least``, a plain JPEG is decoded at a half, a quarter or an eighth of its size, where
    its shorter side then still has so many pixels.
    """
    try:
        content = read_regular_file(path, limits.bytes)
        pixels = decode_plain_jpeg(content, at_least, limits.pixels)
        if pixels is not None:
            return pixels
        with _PILLOWS_LIMIT_LIFTED, Image.open(io.BytesIO(content)) as image:
            _check_size(image.size, limits)
            image.load()
            return np.array(_to_rgb(ImageOps.exif_transpose(image)))
    except UnidentifiedImageError:
        raise BadImageError(path, "is not an image that Pillow can read") from None
    except TooLargeError as error:
        raise BadImageError(path, f"is too large ({error})") from None
    except MemoryError:
        raise BadImageError(path, "is too large (there is not enough memory for it)") from None
    except DECODING_ERRORS as error:
        raise BadImageError(path, f"cannot be decoded ({error})") from None


class _PillowsLimit:
    """Lifts Pillow's own limit on pixels, which is the process's, while any thread is inside."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._usual: int | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._usual, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                Image.MAX_IMAGE_PIXELS = self._usual


_PILLOWS_LIMIT_LIFTED = _PillowsLimit()


def _check_size(size: tuple[int, int], limits: ImageLimits) -> None:
    width, height = size
    if width * height > limits.pixels:
        raise TooLargeError(
            f"{width} x {height} pixels are {width * height / 1e6:.4g} megapixels; the limit "
            f"`largest_image` is {limits.largest_image:g}"
        )


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and not image.has_transparency_data:
        return image
    if image.mode.startswith("I"):
        # Pillow's own conversion clips 16 bits to 8 instead of scaling them.
        levels = np.asarray(image, dtype=np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise ValueError("integer pixels outside 0..65535")
        if image.mode != "I" or levels.max() > 255:
            levels = (levels + 128) // 257
        return Image.fromarray(levels.astype(np.uint8), "L").convert("RGB")
    if image.mode == "F":
        raise ValueError("floating-point pixels have no known range")
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        white = Image.new("RGBA", layered.size, "white")
        return Image.alpha_composite(white, layered).convert("RGB")
    return image.convert("RGB")
