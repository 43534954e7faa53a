"""The divergence against the definition in Python's own floats."""

import math

import numpy as np
import pytest
from definition import (
    EPSILONS,
    all_by_definition,
    every_epsilon,
    in_float64,
    sparse_histograms,
    to_tf32,
)

from sjft.errors import UserError
from sjft.retrieval import product as product_module
from sjft.retrieval.divergence import ERRORS, ExactDivergence
from sjft.retrieval.histograms import Histograms


@every_epsilon
@pytest.mark.parametrize("concentration", [0.1, 1.0, 30.0])
def test_the_matrix_product_gives_the_definition(epsilon: float, concentration: float) -> None:
    x = sparse_histograms(1, 12, concentration=concentration)
    y = sparse_histograms(2, 15, concentration=concentration)
    got = ExactDivergence(x, epsilon).estimate(y)
    assert got.dtype == np.float32
    assert got.shape == (12, 15)
    # float32 sums of terms as large as |log e|.
    tolerance = 2e-7 * abs(math.log(epsilon))
    np.testing.assert_allclose(got, all_by_definition(x, y, epsilon), rtol=1e-5, atol=tolerance)


@every_epsilon
def test_the_error_is_under_1e_5_at_the_size_of_a_bank(epsilon: float) -> None:
    layers = {
        "positions": (3025,) * 16 + (729,) * 48,
        "weight": (0.5 / 16,) * 16 + (0.5 / 48,) * 48,
        "bins": 100,
    }
    x, y = sparse_histograms(3, 20, **layers), sparse_histograms(4, 40, **layers)
    divergence = ExactDivergence(x, epsilon)
    error = divergence.estimate(y) - in_float64(x, y, epsilon)
    assert np.abs(error).max() < 1e-5
    assert np.abs(error).max() < divergence.error.min()


@every_epsilon
@pytest.mark.parametrize("kind", [np.uint16, np.uint32])
def test_counts_of_both_widths_give_the_definition(
    epsilon: float, kind: type[np.unsignedinteger]
) -> None:
    x, y = sparse_histograms(1, 7, kind=kind), sparse_histograms(2, 9, kind=kind)
    wanted = all_by_definition(x, y, epsilon)
    np.testing.assert_allclose(ExactDivergence(x, epsilon).to(y), wanted, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ExactDivergence(x, epsilon).estimate(y), wanted, atol=1e-5)
    np.testing.assert_allclose(in_float64(x, y, epsilon), wanted, rtol=1e-9)


@every_epsilon
def test_the_divergence_is_symmetric_zero_for_itself_and_never_negative(epsilon: float) -> None:
    x = sparse_histograms(5, 10)
    exact = ExactDivergence(x, epsilon).to(x)
    assert (exact >= 0).all()
    assert (exact[~np.eye(10, dtype=bool)] > 0).all()
    assert np.diag(exact).max() == 0
    np.testing.assert_array_equal(exact, exact.T)
    estimate = ExactDivergence(x, epsilon).estimate(x)
    assert (estimate >= 0).all()
    assert np.diag(estimate).max() < 1e-6 * abs(math.log(epsilon))


@pytest.mark.parametrize("targets", [1, 2, 5, 70])
def test_the_same_image_is_as_near_in_every_block(targets: int) -> None:
    layers = {"positions": (3025,) * 16, "weight": (1 / 16,) * 16, "bins": 100}
    x, y = sparse_histograms(1, targets, **layers), sparse_histograms(2, 1, **layers)
    divergence = ExactDivergence(x, 2.2e-16)
    wanted = divergence.to(y)
    for block in (2, 3, 31, 64, 65, 200):
        found = divergence.to(y.take(np.zeros(block, np.intp)))
        np.testing.assert_array_equal(found, np.tile(wanted, block))


def test_the_room_of_another_one_can_be_used_again() -> None:
    x, y, z = (sparse_histograms(n, n) for n in (3, 8, 5))
    first = ExactDivergence(x, 1e-4)
    wanted = first.estimate(y), ExactDivergence(z, 1e-4).estimate(x)
    second = ExactDivergence(z, 1e-4, room=first.room)
    np.testing.assert_array_equal(second.estimate(x), wanted[1])
    assert second.room is first.room
    np.testing.assert_array_equal(first.estimate(y), wanted[0])


def test_a_channel_without_weight_does_not_count() -> None:
    x = sparse_histograms(1, 4, weight=(1, 0, 0, 0))
    y = sparse_histograms(2, 4, weight=(1, 0, 0, 0))
    changed = y.counts.copy()
    changed[:, 1:] = changed[::-1, 1:]
    z = Histograms(y.images, changed, y.positions, y.weight, "bins", "")
    one, other = ExactDivergence(x, 1e-4).to(y), ExactDivergence(x, 1e-4).to(z)
    np.testing.assert_allclose(one, other, rtol=1e-6)


def test_disjoint_histograms_are_as_far_apart_as_epsilon_says() -> None:
    counts = np.array([[[8, 0]], [[0, 8]]], np.uint16)
    x = Histograms(np.arange(2, dtype=np.int32), counts, np.array([8]), np.array([1.0]), "", "")
    for epsilon in EPSILONS:
        wanted = math.log((1 + epsilon) / epsilon)
        got = ExactDivergence(x, epsilon).to(x)
        np.testing.assert_allclose(got, [[0, wanted], [wanted, 0]], rtol=1e-6, atol=1e-6)


def test_torch_multiplies_as_numpy_does() -> None:
    left, right = (np.random.default_rng(n).random((n, 40), dtype=np.float32) for n in (5, 7))
    np.testing.assert_allclose(
        product_module._on_torch(left, "cpu")(right), left @ right.T, rtol=1e-5
    )


def test_divergences_rounded_to_tf32_stay_close() -> None:
    layers = {"positions": (3025,) * 16, "weight": (1 / 16,) * 16, "bins": 100}
    x, y = sparse_histograms(3, 20, **layers), sparse_histograms(4, 40, **layers)
    exact, rounded = ExactDivergence(x, 1e-10), ExactDivergence(x, 1e-10)
    product = rounded._product
    rounded._product = lambda right: product(to_tf32(right))
    np.testing.assert_allclose(rounded.estimate(y), exact.estimate(y), atol=1e-3)
    assert ERRORS["cuda"] > 1e-3


def test_a_gpu_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match="device: cpu"):
        ExactDivergence(sparse_histograms(1, 2), 1e-4, "cuda")
