"""Levels against a slow definition that takes a value apart with `math.frexp`."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from level_grids import ANY, any_grid, slow_level

from sjft.descriptors.levels import (
    level_boundaries,
    levels_of,
    number_of_levels,
    off_grid_levels,
    zero_level,
)
from sjft.settings.bank import LevelGrid

TINIEST = 2.0**-149


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
