"""Augmentation: the square that its numbers name, resized as a triangle filter does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sjft.training.augmentation import NUMBERS, augmented, random_numbers


def image(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def triangle(inside: int, outside: int) -> np.ndarray:
    """Weights [outside, inside] of antialiased bilinear resizing, in float64."""
    scale = inside / outside
    support = max(scale, 1.0)
    centres = (np.arange(outside) + 0.5) * scale
    distance = np.abs(np.arange(inside) + 0.5 - centres[:, None]) / support
    weights = np.clip(1 - distance, 0, None)
    return weights / weights.sum(axis=1, keepdims=True)


@given(
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    side=st.integers(1, 24),
    extra=st.tuples(st.integers(0, 10), st.integers(0, 10)),
    numbers=st.tuples(*[st.floats(0, 1, exclude_max=True)] * NUMBERS),
)
def test_a_square_is_cut_and_resized(
    height: int, width: int, side: int, extra: tuple[int, int], numbers: tuple[float, ...]
) -> None:
    low, high = side + extra[0], side + extra[0] + extra[1]
    given_image = image(height, width)
    found = augmented(given_image, side, (low, high), np.array(numbers))
    shorter = low + int(numbers[0] * (high - low + 1))
    cut = max(1, round(side * min(height, width) / shorter))
    top, left = int(numbers[1] * (height - cut + 1)), int(numbers[2] * (width - cut + 1))
    square = given_image[top : top + cut, left : left + cut].astype(np.float64)
    weights = triangle(cut, side)
    wanted = np.einsum("yh,xw,hwc->yxc", weights, weights, square)
    if numbers[3] < 0.5:
        wanted = wanted[:, ::-1]
    assert found.shape == (side, side, 3)
    assert found.dtype == np.uint8
    assert np.abs(found - wanted).max() <= 2


def test_sizes_places_and_mirrors_are_uniform() -> None:
    # The image tells where its square was: its red grows with the row, its green with the column.
    rows, columns = np.mgrid[:40, :60]
    marked = np.stack([rows, columns, np.zeros_like(rows)], axis=2).astype(np.uint8)
    seen = set()
    for numbers in random_numbers(3, 0, 3000):
        square = augmented(marked, 40, (40, 40), numbers)
        mirrored = bool(square[0, 0, 1] > square[0, -1, 1])
        seen.add((int(square[0, :, 1].min()), mirrored))
        assert square[:, 0, 0].tolist() == list(range(40))
    assert seen == {(left, mirrored) for left in range(21) for mirrored in (False, True)}


def test_numbers_are_of_seed_and_step_alone() -> None:
    found = random_numbers(1, 2, 5)
    assert np.array_equal(found, random_numbers(1, 2, 5))
    assert np.array_equal(found[:3], random_numbers(1, 2, 3))
    assert not np.array_equal(found, random_numbers(1, 3, 5))
    assert not np.array_equal(found, random_numbers(2, 2, 5))
    assert found.shape == (5, NUMBERS)
    assert ((found >= 0) & (found < 1)).all()


@pytest.mark.parametrize("shape", [(30, 20), (20, 30)])
def test_the_shorter_side_decides_the_scale(shape: tuple[int, int]) -> None:
    found = augmented(image(*shape), 10, (10, 10), np.array([0, 0, 0, 0.9]))
    weights = triangle(20, 10)
    wanted = np.einsum("yh,xw,hwc->yxc", weights, weights, image(*shape)[:20, :20].astype(float))
    assert np.abs(found - wanted).max() <= 2
