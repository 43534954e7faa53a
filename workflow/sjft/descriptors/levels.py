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

import numpy as np
from numpy.typing import NDArray

from sjft.settings.banks.common import LevelGrid

MANTISSA_BITS = 23
EXPONENT_BIAS = 127


def number_of_levels(grid: LevelGrid) -> int:
    """How many levels a grid has."""
    return 2 * number_of_magnitudes(grid) + 5


def zero_level(grid: LevelGrid) -> int:
    """The level of exactly 0."""
    return number_of_magnitudes(grid) + 2


def off_grid_levels(grid: LevelGrid) -> tuple[int, int, int, int]:
    """The levels of values outside the grid's range: too large or too small, either sign."""
    zero = zero_level(grid)
    return 0, zero - 1, zero + 1, number_of_levels(grid) - 1


def number_of_magnitudes(grid: LevelGrid) -> int:
    """How many levels on the grid a sign has: M."""
    return (grid.highest_octave - grid.lowest_octave) * grid.levels_per_octave


def every_level(channels: int, grid: LevelGrid) -> NDArray[np.uint16]:
    """Each level as the place of itself, uint16 [channels, levels] (see `packing.add_up`)."""
    return np.tile(np.arange(number_of_levels(grid), dtype=np.uint16), (channels, 1))


def level_boundaries(grid: LevelGrid) -> NDArray[np.float64]:
    """Values between neighbouring levels, float64 [levels + 1]; the first and last are infinite.

    A positive level holds its lower boundary, a negative one its upper (the sign is a mirror).
    """
    steps = np.arange(number_of_magnitudes(grid) + 1)
    octave, part = np.divmod(steps, grid.levels_per_octave)
    magnitude = np.ldexp(1 + part / grid.levels_per_octave, grid.lowest_octave + octave)
    return np.concatenate([[-np.inf], -magnitude[::-1], [0, 0], magnitude, [np.inf]])


def shift_and_base(grid: LevelGrid) -> tuple[int, int]:
    """Bits to drop from a magnitude, and what the lowest on-grid magnitude then reads."""
    bits = grid.levels_per_octave.bit_length() - 1
    return MANTISSA_BITS - bits, (grid.lowest_octave + EXPONENT_BIAS) << bits


def levels_of(responses: NDArray[np.float32], grid: LevelGrid) -> NDArray[np.int64]:
    """The level of each response: plain numpy, for inspection and as the counting's definition."""
    shift, base = shift_and_base(grid)
    bits = np.ascontiguousarray(responses, dtype=np.float32).view(np.uint32).astype(np.int64)
    magnitude = bits & 0x7FFFFFFF
    step = np.clip((magnitude >> shift) - base, -1, number_of_magnitudes(grid)) + 2
    step[magnitude == 0] = 0
    levels: NDArray[np.int64] = zero_level(grid) + np.where(bits >> 31, -step, step)
    return levels
