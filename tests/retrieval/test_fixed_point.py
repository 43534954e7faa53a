"""Divergences in whole numbers, against the definition in float64 and in other orders."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from crowd import crowd, histograms_of, moved, photographs
from definition import every_epsilon, in_float64, sparse_histograms
from hypothesis import given
from hypothesis import strategies as st

from sjft.retrieval import fixed_point as fixed_point_module
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.fixed_point import _scale, fixed_point, whole_logs
from sjft.retrieval.histograms import Histograms


@pytest.mark.slow
@every_epsilon
def test_divergences_are_those_of_the_definition(epsilon: float) -> None:
    x, y = crowd(1), crowd(2)
    found, wanted = ExactDivergence(x, epsilon).to(y), in_float64(x, y, epsilon)
    np.testing.assert_allclose(found, wanted, rtol=1e-7, atol=3e-9)


@pytest.mark.parametrize("bins", [4, 100, 1000, 2000])
def test_runs_of_channels_hold_every_bin_once_and_one_layer(bins: int) -> None:
    positions = np.array([9] * 20 + [25] * 3 + [9] * 2)
    weight = np.array([0.1] * 10 + [0.2] * 10 + [0.1] * 5)
    tables = fixed_point(positions, weight, bins, 1e-4)
    at = [b for first, end, _, _ in tables.runs for b in range(first, end)]
    assert at == list(range(25 * bins))
    assert len(tables.units) == 3
    for first, end, table, layer in tables.runs:
        channels = slice(first // bins, end // bins)
        (n,), (w,) = np.unique(positions[channels]), np.unique(weight[channels])
        assert tables.logs[table + n] == tables.logs[table : table + n + 1].max()
        assert tables.units[layer] == w / (2 * n * _scale(n, 1e-4))
        assert end - first <= max(bins, 800)


@given(
    positions=st.sampled_from([1, 9, 729, 3025, 12321, 50176, 10**6]),
    epsilon=st.sampled_from([1e-300, 2.2e-16, 1e-4, 0.099]),
)
def test_the_largest_possible_sum_of_a_run_is_a_whole_number_of_float64(
    positions: int, epsilon: float
) -> None:
    scale = _scale(positions, epsilon)
    logs = [math.log(share + epsilon) * scale for share in (0, 1)]
    assert 8 * 2 * positions * (logs[1] - logs[0] + 1) < 2**53


def test_a_logarithm_that_is_off_in_its_last_digits_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    epsilon, scale = 2.2e-16, _scale(12321, 2.2e-16)
    tables, log = [], np.log
    for ulps in (0, 3, -3):
        with monkeypatch.context() as patch:
            whole_logs.cache_clear()
            patch.setattr(
                fixed_point_module.np, "log", lambda x, u=ulps: log(x) + u * np.spacing(log(x))
            )
            tables.append(whole_logs(12321, epsilon, scale))
    whole_logs.cache_clear()
    np.testing.assert_array_equal(tables[1], tables[0])
    np.testing.assert_array_equal(tables[2], tables[0])
    with localcontext() as context:
        context.prec = 50
        for place in (0, 1, 30, 12320, 12321):
            exact = Decimal(place / 12321 + epsilon).ln() * Decimal(scale)
            assert tables[0][place] == int(exact.to_integral_value())


def test_what_is_added_in_another_order_is_the_same_to_the_last_digit() -> None:
    x, y = crowd(3), crowd(4)
    wanted = ExactDivergence(x, 2.2e-16).to(y)
    order = np.random.default_rng(0).permutation(x.counts.shape[2])
    x, y = (
        Histograms(*list(vars(h).values())[:1], h.counts[:, :, order], *list(vars(h).values())[2:])
        for h in (x, y)
    )
    np.testing.assert_array_equal(ExactDivergence(x, 2.2e-16).to(y), wanted)
    layer = np.array([3, 1, 0, 2, 7, 6, 5, 4, 9, 8, 11, 10])  # channels, within their layers
    x, y = (
        Histograms(*list(vars(h).values())[:1], h.counts[:, layer], *list(vars(h).values())[2:])
        for h in (x, y)
    )
    np.testing.assert_array_equal(ExactDivergence(x, 2.2e-16).to(y), wanted)


def test_an_image_is_as_near_among_any_others() -> None:
    x, y = crowd(5), crowd(6)
    divergence = ExactDivergence(x, 2.2e-16)
    wanted = divergence.to(y)
    for rows in (np.array([7]), np.arange(5, 90), np.arange(len(y.images))[::-1]):
        np.testing.assert_array_equal(divergence.to(y.take(rows)), wanted[:, rows])
    for rows in (np.array([3]), np.arange(2, 70)):
        np.testing.assert_array_equal(ExactDivergence(x.take(rows), 2.2e-16).to(y), wanted[rows])


def test_one_moved_response_is_told_from_another() -> None:
    rng = np.random.default_rng(0)
    original = photographs(rng, 1)
    near = moved(rng, np.repeat(original, 200, axis=0))
    x, y = histograms_of(original), histograms_of(near)
    found, wanted = ExactDivergence(x, 2.2e-16).to(y)[0], in_float64(x, y, 2.2e-16)[0]
    assert ((found == 0) == (near == original).all(axis=(1, 2))).all()
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    order = np.argsort(found, kind="stable")
    steps = np.diff(wanted[order])
    assert (steps > -1e-9).all()


@given(seed=st.integers(0, 10**6), kind=st.sampled_from([np.uint16, np.uint32]))
def test_drawn_histograms_give_the_definition(seed: int, kind: type[np.unsignedinteger]) -> None:
    x, y = (sparse_histograms(seed + n, 3 + n, concentration=0.05, kind=kind) for n in (0, 1))
    found = ExactDivergence(x, 2.2e-16).to(y)
    np.testing.assert_allclose(found, in_float64(x, y, 2.2e-16), rtol=1e-6, atol=1e-8)
    assert (np.diag(ExactDivergence(x, 2.2e-16).to(x)) == 0).all()
