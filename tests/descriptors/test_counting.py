"""Counts of levels against a slow definition, packed one by one."""

import numpy as np
import pytest
from descriptor_files import SMALL_GRID, packed_slowly
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from level_grids import ANY, any_grid, slow_level

from sjft.descriptors.counting import Counted, LevelCounter
from sjft.descriptors.layer import Layer
from sjft.descriptors.levels import levels_of, number_of_levels, off_grid_levels
from sjft.descriptors.packing import PackedCounts
from sjft.settings.bank import LevelGrid


def dense(levels: np.ndarray, grid: LevelGrid) -> np.ndarray:
    """Counts int64 [images, kernels, levels] of levels [images, kernels, positions]."""
    number = number_of_levels(grid)
    return np.array([[np.bincount(k, minlength=number) for k in image] for image in levels])


def count_layers(layers: list[np.ndarray], grid: LevelGrid) -> Counted:
    """Counts of layers [images, kernels, positions], the images added in two groups."""
    kinds = [Layer(str(number), *layer.shape[1:]) for number, layer in enumerate(layers)]
    counter = LevelCounter(kinds, grid, len(layers[0]))
    counter.add([layer[:1] for layer in layers])
    counter.add([layer[1:] for layer in layers])
    return counter.take()


def assert_same(got: PackedCounts, wanted: PackedCounts) -> None:
    for name, part in vars(wanted).items():
        assert getattr(got, name).dtype == part.dtype, name
        np.testing.assert_array_equal(getattr(got, name), part, err_msg=name)


@any_grid
@given(
    responses=hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 30)),
        elements=ANY,
    )
)
def test_counts_are_those_of_the_levels(grid: LevelGrid, responses: np.ndarray) -> None:
    levels = np.vectorize(lambda value: slow_level(float(value), grid))(responses)
    counted = count_layers([responses], grid)
    assert_same(counted.packed, packed_slowly(dense(levels, grid)))
    largest_negative, *small, largest = off_grid_levels(grid)
    assert counted.too_small == np.isin(levels, small).sum()
    assert counted.too_large == np.isin(levels, [largest_negative, largest]).sum()


def test_counts_of_many_responses_are_those_of_numpy() -> None:
    grid = LevelGrid()
    rng = np.random.default_rng(1)
    responses = np.maximum(rng.standard_normal((3, 5, 4000)) * 10, 0).astype(np.float32)
    wanted = packed_slowly(dense(levels_of(responses, grid), grid))
    assert_same(count_layers([responses], grid).packed, wanted)


def test_a_map_of_more_responses_than_16_bits_count() -> None:
    responses = np.zeros((1, 2, 70_000), np.float32)
    responses[0, 1, :9] = -1
    wanted = packed_slowly(dense(levels_of(responses, SMALL_GRID), SMALL_GRID))
    assert wanted.large_counts.max() == 70_000
    assert_same(count_layers([responses], SMALL_GRID).packed, wanted)


def test_layers_follow_each_other_image_by_image() -> None:
    rng = np.random.default_rng(2)
    layers = [rng.standard_normal((3, k, p)).astype(np.float32) for k, p in ((2, 40), (5, 7))]
    counts = [dense(levels_of(layer, SMALL_GRID), SMALL_GRID) for layer in layers]
    wanted = packed_slowly(np.concatenate(counts, axis=1))
    assert_same(count_layers(layers, SMALL_GRID).packed, wanted)


def test_counting_takes_arrays_that_are_not_contiguous() -> None:
    responses = np.random.default_rng(3).standard_normal((2, 3, 40)).astype(np.float32)
    every_other = responses[:, :, ::2]
    wanted = count_layers([every_other.copy()], LevelGrid())
    assert_same(count_layers([every_other], LevelGrid()).packed, wanted.packed)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_is_counted_as_too_large(value: float) -> None:
    responses = np.array([[[1, value, 2]]], np.float32)
    assert count_layers([responses], LevelGrid()).too_large == 1


def test_a_counter_begins_anew_when_its_counts_are_taken() -> None:
    grid = LevelGrid()
    rng = np.random.default_rng(4)
    first, second = (rng.standard_normal((2, 70, 9)).astype(np.float32) for _ in range(2))
    first[0, 0, 0] = np.inf
    counter = LevelCounter([Layer("one", 70, 9)], grid, 2)
    for responses, too_large in ((first, 1), (second, 0), (first[:1], 1)):
        assert counter.add([responses]) == too_large
        counted = counter.take()
        assert counted.too_large == too_large
        assert_same(counted.packed, packed_slowly(dense(levels_of(responses, grid), grid)))
