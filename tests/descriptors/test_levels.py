"""Levels against a slow definition that takes a value apart with `math.frexp`."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sjft.descriptors.levels import (
    level_boundaries,
    levels_of,
    number_of_levels,
    off_grid_levels,
    zero_level,
)
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
TINIEST = 2.0**-149


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


def level(value: float, grid: LevelGrid) -> int:
    return int(levels_of(np.array([value], np.float32), grid)[0])


@any_grid
@given(value=ANY)
@example(value=-0.0)
@example(value=TINIEST)
@example(value=-TINIEST)
@example(value=2.0**-126)
@example(value=2.0**-126 - TINIEST)
@example(value=3.4028234663852886e38)
@example(value=-3.4028234663852886e38)
def test_the_level_is_the_leading_bits(grid: LevelGrid, value: float) -> None:
    assert level(value, grid) == slow_level(value, grid)


@any_grid
def test_boundaries_and_their_neighbours_have_the_right_level(grid: LevelGrid) -> None:
    boundaries = level_boundaries(grid)[1:-1].astype(np.float32)
    above, below = (
        np.nextafter(boundaries, np.float32(np.inf)),
        np.nextafter(boundaries, np.float32(-np.inf)),
    )
    for values in (boundaries, above, below):
        assert levels_of(values, grid).tolist() == [slow_level(float(v), grid) for v in values]


@any_grid
@given(values=st.lists(ANY, min_size=2, max_size=30))
def test_levels_ascend_with_the_value(grid: LevelGrid, values: list[float]) -> None:
    assert (np.diff(levels_of(np.sort(np.array(values, np.float32)), grid)) >= 0).all()


@any_grid
@given(value=ANY)
def test_a_value_lies_within_the_boundaries_of_its_level(grid: LevelGrid, value: float) -> None:
    boundaries, here = level_boundaries(grid), level(value, grid)
    low, high = boundaries[here], boundaries[here + 1]
    assert low <= value <= high
    if value > 0:
        assert value < high  # a positive level holds its lower boundary
    if value < 0:
        assert value > low  # a negative level holds its upper one


@any_grid
def test_boundaries_are_mirrored_and_as_many_as_the_levels(grid: LevelGrid) -> None:
    boundaries = level_boundaries(grid)
    assert len(boundaries) == number_of_levels(grid) + 1
    assert (boundaries == -boundaries[::-1]).all()
    zero = zero_level(grid)
    assert boundaries[zero] == boundaries[zero + 1] == 0
    others = np.delete(np.diff(boundaries[1:-1]), zero - 1)
    assert (others > 0).all()


@any_grid
@given(value=ANY)
def test_only_the_named_levels_hold_values_off_the_grid(grid: LevelGrid, value: float) -> None:
    magnitude = abs(value)
    low, high = 2.0**grid.lowest_octave, 2.0**grid.highest_octave
    off = value != 0 and not low <= magnitude < high
    assert (level(value, grid) in off_grid_levels(grid)) == off
