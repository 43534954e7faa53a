"""Plain JPEG files, decoded by simplejpeg: the same pixels as Pillow's in half the time.

Pillow has the last word wherever there is any doubt: on an image that may be turned, one of
several images or of four colours, and a damaged file. A header of tables and frame alone leaves
none. Of any other one, Pillow reads what it says, as it would to turn the image upright.
"""

import io
import struct

import numpy as np
import simplejpeg
from numpy.typing import NDArray
from PIL import ExifTags, JpegImagePlugin

# What Pillow's decoders raise on damaged files: each has its own way to stumble.
DECODING_ERRORS = (
    *(OSError, SyntaxError, ValueError, EOFError),
    *(TypeError, LookupError, ArithmeticError, RuntimeError, struct.error),
)
START = b"\xff\xd8\xff"
START_OF_SCAN, JFIF = 0xDA, 0xE0
# Quantisation and Huffman tables, baseline, extended and progressive frames, the restart
# interval, comments.
WITHOUT_DOUBT = frozenset({0xDB, 0xC4, 0xC0, 0xC1, 0xC2, 0xDD, 0xFE})
# Of the segment after its marker: what Pillow reads of it without asking.
SHORTEST_JFIF = 9
# EXIF may turn an image; a file of several images (`mp`) has a first one.
FOR_PILLOW = ("exif", "mp")


def decode_plain_jpeg(
    content: bytes, at_least: int | None, most_pixels: int
) -> NDArray[np.uint8] | None:
    """Pixels, uint8 [height, width, 3], of a JPEG of colours or greys that stands upright.

    With ``at_least``, it is decoded at a half, a quarter or an eighth of its size, where its
    shorter side then still has so many pixels. None for any other file: a larger or damaged one
    too. simplejpeg refuses whatever its library warns of, a missing end of the file among it.
    """
    if not content.startswith(START) or not (_is_bare(content) or _stands_upright(content)):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(content)
        if height * width > most_pixels or colours not in ("Gray", "YCbCr", "RGB"):
            return None
        width, height = _decoded_size((width, height), at_least)
        pixels: NDArray[np.uint8] = simplejpeg.decode_jpeg(
            content, strict=True, min_width=width, min_height=height
        )
    except DECODING_ERRORS:  # a sampling without a name is a KeyError
        return None
    return pixels if pixels.shape[1::-1] == (width, height) else None


def _is_bare(content: bytes) -> bool:
    """Whether tables, frame, comments and JFIF's version are all that stands before the scan."""
    place, end = 2, len(content) - 4
    while place < end and content[place] == 0xFF:
        marker = content[place + 1]
        if marker == START_OF_SCAN:
            return True
        length = (content[place + 2] << 8) + content[place + 3]
        if marker not in WITHOUT_DOUBT and not (marker == JFIF and length >= SHORTEST_JFIF):
            return False
        place += 2 + length
    return False


def _stands_upright(content: bytes) -> bool:
    """Whether Pillow reads the header, and finds one image that XMP does not turn."""
    try:
        with JpegImagePlugin.JpegImageFile(io.BytesIO(content)) as header:
            if any(key in header.info for key in FOR_PILLOW):
                return False
            return bool(header.getexif().get(ExifTags.Base.Orientation, 1) == 1)
    except DECODING_ERRORS:  # Pillow will say it of the whole image
        return False


def _decoded_size(size: tuple[int, int], at_least: int | None) -> tuple[int, int]:
    """Width and height at the least of libjpeg's powers of two that leaves so many pixels."""
    for divisor in (8, 4, 2):
        width, height = (-(-length // divisor) for length in size)
        if at_least is not None and min(width, height) >= at_least:
            return width, height
    return size
