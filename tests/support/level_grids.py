"""Grids of levels, values on and off them, and the levels by their definition."""

import math

import numpy as np
import pytest
from hypothesis import strategies as st

from sjft.settings.bank import LevelGrid

GRIDS = [
    LevelGrid(),
    LevelGrid(lowest_octave=-2, highest_octave=2, levels_per_octave=4),
    LevelGrid(lowest_octave=0, highest_octave=1, levels_per_octave=1),
    LevelGrid(lowest_octave=-126, highest_octave=1, levels_per_octave=2),
    LevelGrid(lowest_octave=-126, highest_octave=127, levels_per_octave=128),
    LevelGrid(lowest_octave=120, highest_octave=127, levels_per_octave=256),
]
any_grid = pytest.mark.parametrize(
    "grid", GRIDS, ids=lambda g: f"{g.lowest_octave}..{g.highest_octave}/{g.levels_per_octave}"
)
FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
# Most floats of hypothesis lie off the grid; these lie on it, often on a boundary.
ON_GRID = st.builds(
    lambda sign, mantissa, octave: float(np.float32(sign * math.ldexp(mantissa, octave - 9))),
    st.sampled_from([-1, 1]),
    st.integers(256, 512),
    st.integers(-20, 15),
)
ANY = FINITE | ON_GRID


def slow_level(value: float, grid: LevelGrid) -> int:
    """The definition: the octave and the part of it that a magnitude lies in."""
    per_octave = grid.levels_per_octave
    magnitudes = (grid.highest_octave - grid.lowest_octave) * per_octave
    if value == 0:
        return magnitudes + 2
    mantissa, exponent = math.frexp(abs(value))  # mantissa in [0.5, 1)
    octave = exponent - 1
    if octave < grid.lowest_octave:
        step = 1
    elif octave >= grid.highest_octave:
        step = magnitudes + 2
    else:
        part = math.floor((2 * mantissa - 1) * per_octave)
        step = 2 + (octave - grid.lowest_octave) * per_octave + part
    return magnitudes + 2 + (step if value > 0 else -step)
