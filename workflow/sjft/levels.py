"""The grid of response levels: a response's level is the leading bits of its float32.

Levels ascend with the value. With M = (highest_octave - lowest_octave) * levels_per_octave levels
of magnitude a sign, from the most negative to the most positive:

    0                   -inf < v <= -2^highest            too large
    1 .. M              negative, one level per step of the leading bits
    M + 1               -2^lowest < v < 0                 too small
    M + 2               v == 0
    M + 3               0 < v < 2^lowest                  too small
    M + 4 .. 2 M + 3    positive
    2 M + 4             2^highest <= v                    too large

So zero and all that lies off the grid have levels of their own, and every count is exact. The
grid does not depend on bank, channel or data set: a shift of the bits finds the level.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.settings.bank import LevelGrid

# Occupied levels [images, channels]; levels; their counts (see `count_levels`).
LevelCounts = tuple[NDArray[np.int32], NDArray[np.uint16], NDArray[np.uint32]]
MANTISSA_BITS = 23
EXPONENT_BIAS = 127
LEVELS_A_WORD = 4  # counts of 16 bits in a word of 64


def number_of_levels(grid: LevelGrid) -> int:
    """How many levels a grid has."""
    return 2 * _magnitudes(grid) + 5


def zero_level(grid: LevelGrid) -> int:
    """The level of exactly 0."""
    return _magnitudes(grid) + 2


def off_grid_levels(grid: LevelGrid) -> tuple[int, int, int, int]:
    """The levels of values outside the grid's range: too large or too small, either sign."""
    zero = zero_level(grid)
    return 0, zero - 1, zero + 1, number_of_levels(grid) - 1


def _magnitudes(grid: LevelGrid) -> int:
    return (grid.highest_octave - grid.lowest_octave) * grid.levels_per_octave


def level_boundaries(grid: LevelGrid) -> NDArray[np.float64]:
    """Values between neighbouring levels, float64 [levels + 1]; the first and last are infinite.

    A positive level holds its lower boundary, a negative one its upper (the sign is a mirror).
    """
    steps = np.arange(_magnitudes(grid) + 1)
    octave, part = np.divmod(steps, grid.levels_per_octave)
    magnitude = np.ldexp(1 + part / grid.levels_per_octave, grid.lowest_octave + octave)
    return np.concatenate([[-np.inf], -magnitude[::-1], [0, 0], magnitude, [np.inf]])


def _shift_and_base(grid: LevelGrid) -> tuple[int, int]:
    """Bits to drop from a magnitude, and what the lowest on-grid magnitude then reads."""
    bits = grid.levels_per_octave.bit_length() - 1
    return MANTISSA_BITS - bits, (grid.lowest_octave + EXPONENT_BIAS) << bits


def levels_of(responses: NDArray[np.float32], grid: LevelGrid) -> NDArray[np.int64]:
    """The level of each response: plain numpy, for inspection and as the kernel's definition."""
    shift, base = _shift_and_base(grid)
    bits = np.ascontiguousarray(responses, dtype=np.float32).view(np.uint32).astype(np.int64)
    magnitude = bits & 0x7FFFFFFF
    step = np.clip((magnitude >> shift) - base, -1, _magnitudes(grid)) + 2
    step[magnitude == 0] = 0
    levels: NDArray[np.int64] = zero_level(grid) + np.where(bits >> 31, -step, step)
    return levels


def count_levels(responses: NDArray[np.float32], grid: LevelGrid) -> LevelCounts:
    """Count one layer's responses, float32 [images, kernels, positions], over the levels.

    Returns, for the levels that occur: how many of them each image and channel has, int32
    [images, kernels]; and, one after the other in that order, the levels ascending and their
    counts. Responses that are not finite are counted as too large. Fastest where a position's
    responses lie side by side, which is what convolutions in channels-last order leave.
    """
    shift, base = _shift_and_base(grid)
    bits = np.ascontiguousarray(responses.transpose(0, 2, 1), dtype=np.float32).view(np.int32)
    images, positions, kernels = bits.shape
    width = -(-number_of_levels(grid) // LEVELS_A_WORD) * LEVELS_A_WORD
    kind = np.uint16 if positions <= np.iinfo(np.uint16).max else np.uint32
    histograms = np.zeros((kernels, width), kind)
    occupied = np.empty((images, kernels), np.int32)
    # Whatever is scanned is written, and kept where its count is not 0: a word more of room.
    room = images * kernels * min(positions, width) + LEVELS_A_WORD
    levels, counts = np.empty(room, np.uint16), np.empty(room, np.uint32)
    used = _count(
        *(bits, shift, base, _magnitudes(grid), histograms, histograms.view(np.uint64)),
        *(occupied, levels, counts),
    )
    return occupied, levels[:used].copy(), counts[:used].copy()


@numba.njit(cache=True, nogil=True)
def _count(
    bits: NDArray[np.int32],
    shift: int,
    base: int,
    magnitudes: int,
    histograms: NDArray[np.uint16],
    words: NDArray[np.uint64],
    occupied: NDArray[np.int32],
    levels: NDArray[np.uint16],
    counts: NDArray[np.uint32],
) -> int:
    used = 0
    for image in range(bits.shape[0]):
        _fill(bits[image], shift, base, magnitudes, histograms)
        used += _empty(histograms, words, occupied[image], levels[used:], counts[used:])
    return used


@numba.njit(cache=True, nogil=True)
def _fill(
    bits: NDArray[np.int32],
    shift: int,
    base: int,
    magnitudes: int,
    histograms: NDArray[np.uint16],
) -> None:
    """Add one image's responses, the bits of float32 [positions, kernels], to [kernels, levels].

    All in 32 bits and without branches, so that the compiler finds several levels at once; and
    neighbours in memory are counted in different histograms, so that none waits for the last.
    """
    level = np.empty(bits.shape[1], np.int32)
    lowest, highest = np.int32(base - 1), np.int32(base + magnitudes)
    first_step, zero = np.int32(2 - base), np.int32(magnitudes + 2)
    bits_dropped, no_sign, nothing = np.int32(shift), np.int32(0x7FFFFFFF), np.int32(0)
    for position in range(bits.shape[0]):
        for kernel in range(bits.shape[1]):
            value = bits[position, kernel]
            magnitude = np.int32(value & no_sign)
            step = np.int32(min(max(magnitude >> bits_dropped, lowest), highest) + first_step)
            step = step if magnitude != nothing else nothing
            sign = np.int32(value >> np.int32(31))  # all ones below 0: then it negates
            level[kernel] = np.int32((step ^ sign) - sign) + zero
        for kernel in range(bits.shape[1]):
            histograms[kernel, level[kernel]] += 1


@numba.njit(cache=True, nogil=True)
def _empty(
    histograms: NDArray[np.uint16],
    words: NDArray[np.uint64],
    occupied: NDArray[np.int32],
    levels: NDArray[np.uint16],
    counts: NDArray[np.uint32],
) -> int:
    """List what one image's histograms hold, and set them to 0; returns the number of entries.

    ``words`` is the same memory: most of it is 0, and is passed over a word at a time.
    """
    width = histograms.shape[1] // words.shape[1]
    used = 0
    for kernel in range(words.shape[0]):
        start = used
        for word in range(words.shape[1]):
            if words[kernel, word]:
                for level in range(width * word, width * (word + 1)):
                    count = histograms[kernel, level]
                    levels[used] = level
                    counts[used] = count
                    used += count != 0
                words[kernel, word] = 0
        occupied[kernel] = used - start
    return used
