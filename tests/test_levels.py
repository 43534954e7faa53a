"""Levels against a slow definition that takes a value apart with `math.frexp`."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sjft.levels import (
    count_levels,
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


@any_grid
@given(
    responses=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 30)),
        elements=ANY,
    )
)
def test_counts_are_those_of_the_levels(grid: LevelGrid, responses: np.ndarray) -> None:
    occupied, levels, counts = count_levels(responses, grid)
    assert occupied.shape == responses.shape[:2]
    assert (levels.dtype, counts.dtype) == (np.uint16, np.uint32)
    entry = 0
    for image, channels in enumerate(responses):
        for channel, values in enumerate(channels):
            wanted = np.unique([slow_level(float(v), grid) for v in values], return_counts=True)
            here = slice(entry, entry + int(occupied[image, channel]))
            assert levels[here].tolist() == wanted[0].tolist()
            assert counts[here].tolist() == wanted[1].tolist()
            assert counts[here].sum() == responses.shape[2]
            entry = here.stop
    assert entry == len(levels) == len(counts)


def test_counts_of_many_responses_are_those_of_numpy() -> None:
    grid = LevelGrid()
    rng = np.random.default_rng(1)
    responses = np.maximum(rng.standard_normal((3, 5, 4000)) * 10, 0).astype(np.float32)
    occupied, levels, counts = count_levels(responses, grid)
    lists = [np.unique(levels_of(c, grid), return_counts=True) for i in responses for c in i]
    assert occupied.reshape(-1).tolist() == [len(found) for found, _ in lists]
    assert (levels == np.concatenate([found for found, _ in lists])).all()
    assert (counts == np.concatenate([number for _, number in lists])).all()


def test_counting_takes_arrays_that_are_not_contiguous() -> None:
    responses = np.random.default_rng(2).standard_normal((2, 3, 40)).astype(np.float32)
    for got, wanted in zip(
        count_levels(responses[:, :, ::2], LevelGrid()),
        count_levels(responses[:, :, ::2].copy(), LevelGrid()),
        strict=True,
    ):
        assert (got == wanted).all()
