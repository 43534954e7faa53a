"""JPEG files put together by hand: of any sampling, colours and segments, each block one colour."""

import math
from collections.abc import Sequence

import numpy as np

# Lengths of the codes of 0 to 11 bits, as the standard's own table has them.
LENGTHS = (2, 3, 3, 3, 3, 3, 4, 5, 6, 7, 8, 9)
SCALE = 8  # a block's coefficient of this size is one grey level
END_OF_BLOCK = "0"


def segment(marker: int, content: bytes = b"") -> bytes:
    """A marker with what belongs to it."""
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def _codes() -> list[str]:
    codes, code = [], 0
    for before, length in zip((LENGTHS[0], *LENGTHS), LENGTHS, strict=False):
        code <<= length - before
        codes.append(f"{code:0{length}b}")
        code += 1
    return codes


CODES = _codes()
TABLES = (
    segment(0xDB, bytes([0]) + bytes([SCALE] * 64))
    + segment(0xC4, bytes([0x00, *(LENGTHS.count(n) for n in range(1, 17)), *range(12)]))
    + segment(0xC4, bytes([0x10, 1, *([0] * 15), 0]))
)


def _scan(
    blocks: Sequence[Sequence[int]], levels: np.random.Generator, restart: int, end: str
) -> bytes:
    """Entropy-coded blocks: for each smallest unit, the components that its blocks belong to."""
    coded, bits, last = b"", "", [0] * 4
    for number, unit in enumerate(blocks):
        if restart and number and number % restart == 0:
            coded += _bytes(bits) + bytes([0xFF, 0xD0 + (number // restart - 1) % 8])
            bits, last = "", [0] * 4
        for component in unit:
            level = int(levels.integers(-110, 110))
            step = level - last[component]
            last[component] = level
            size = abs(step).bit_length()
            bits += CODES[size] + (
                f"{step if step > 0 else step + 2**size - 1:0{size}b}" * bool(size)
            )
            bits += end
    return coded + _bytes(bits)


def _bytes(bits: str) -> bytes:
    bits += "1" * (-len(bits) % 8)
    whole = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))
    return whole.replace(b"\xff", b"\xff\0")


def jpeg(
    sampling: Sequence[tuple[int, int]] = ((1, 1), (1, 1), (1, 1)),
    *,
    size: tuple[int, int] = (37, 21),
    ids: Sequence[int] = (1, 2, 3, 4),
    before: bytes = b"",
    behind_frame: bytes = b"",
    frame: int = 0xC0,
    precision: int = 8,
    restart: int = 0,
    interleaved: bool = True,
) -> bytes:
    """A file of one component for each horizontal and vertical ``sampling``.

    ``before`` the tables stand segments, others ``behind_frame``. Frame 0xC2 is progressive, and
    holds the blocks' mean colours alone.
    """
    width, height = size
    number, levels = len(sampling), np.random.default_rng(5)
    widest, highest = (max(factors) for factors in zip(*sampling, strict=True))
    content = b"\xff\xd8" + before + TABLES
    head = bytes([precision]) + height.to_bytes(2) + width.to_bytes(2) + bytes([number])
    for name, (h, v) in zip(ids, sampling, strict=False):
        head += bytes([name, 16 * h + v, 0])
    content += segment(frame, head) + behind_frame
    if restart:
        content += segment(0xDD, restart.to_bytes(2))
    scans = [list(range(number))] if interleaved else [[place] for place in range(number)]
    progressive = frame == 0xC2
    for scan in scans:
        if len(scan) > 1:
            units = math.ceil(width / 8 / widest) * math.ceil(height / 8 / highest)
            unit = [place for place in scan for _ in range(math.prod(sampling[place]))]
        else:
            h, v = sampling[scan[0]]
            units = math.ceil(math.ceil(width * h / widest) / 8)
            units *= math.ceil(math.ceil(height * v / highest) / 8)
            unit = scan
        spectrum = bytes([0, 0 if progressive else 63, 0])
        named = b"".join(bytes([ids[place], 0]) for place in scan)
        content += segment(0xDA, bytes([len(scan)]) + named + spectrum)
        content += _scan([unit] * units, levels, restart, "" if progressive else END_OF_BLOCK)
    return content + b"\xff\xd9"


# What each EXIF orientation asks the viewer to do with the stored pixels.
UPRIGHT = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}
