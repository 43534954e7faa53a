"""Lists are those of sorting all exact divergences, whatever the estimates are off by."""

from pathlib import Path

import numpy as np
import pytest
from crowd import crowd, histograms_of, photographs, solid
from definition import in_float64, sparse_histograms, to_tf32
from hypothesis import given
from hypothesis import strategies as st
from searches import save_histograms

from sjft.retrieval import nearest as ranking
from sjft.retrieval import search as search_module
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.histograms import Histograms, open_histograms
from sjft.retrieval.nearest import InMemory, OnFile, rank
from sjft.retrieval.neighbours import Neighbours, nearest
from sjft.retrieval.search import search_exactly

EPSILON = 2.2e-16


def sorted_out(targets: Histograms, sources: Histograms, kept: int) -> tuple[np.ndarray, ...]:
    """All exact divergences, sorted; equal ones by the image's number."""
    exact = ExactDivergence(targets, EPSILON).to(sources)
    order = np.stack([np.lexsort((sources.images, row))[:kept] for row in exact])
    return sources.images[order], np.take_along_axis(exact, order, axis=1)


def require_same(found: Neighbours, wanted: tuple[np.ndarray, ...]) -> None:
    np.testing.assert_array_equal(found.sources, wanted[0])
    np.testing.assert_array_equal(found.divergences, wanted[1])


@pytest.mark.parametrize("kept", [1, 7, 60, 190, 400])
def test_lists_are_those_of_sorting_exact_divergences(tmp_path: Path, kept: int) -> None:
    targets, sources = crowd(1, 4), crowd(2)
    wanted = sorted_out(targets, sources, kept)
    for block in (9, 64, 512):
        divergence = ExactDivergence(targets, EPSILON)
        require_same(rank(divergence, InMemory(sources), kept, block), wanted)
    path = save_histograms(tmp_path / "s.h5", sources)
    with open_histograms(path) as file:
        divergence = ExactDivergence(targets, EPSILON)
        require_same(rank(divergence, OnFile(file), kept, 50), wanted)


def test_lists_are_in_the_order_of_the_definition() -> None:
    targets, sources = crowd(1, 4), crowd(2)
    found = search_exactly(targets, sources, 100, EPSILON)
    true = np.take_along_axis(in_float64(targets, sources, EPSILON), found.sources, axis=1)
    assert (np.diff(true, axis=1) >= -(3e-9 + 1e-7 * true[:, 1:])).all()
    np.testing.assert_allclose(found.divergences, true, rtol=1e-7, atol=3e-9)


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-5, 1e-3])
def test_errors_of_the_estimates_change_nothing(
    monkeypatch: pytest.MonkeyPatch, noise: float
) -> None:
    """The largest is one that nobody expects of a processor: it is seen, and made up for."""
    targets, sources = crowd(3, 4), crowd(4)
    wanted = sorted_out(targets, sources, 40)
    estimate, rng = ExactDivergence.estimate, np.random.default_rng(0)

    def noisy(self: ExactDivergence, block: Histograms) -> np.ndarray:
        found = estimate(self, block)
        off = rng.uniform(-noise, noise, found.shape).astype(np.float32)
        return np.maximum(found + off, 0)

    monkeypatch.setattr(ExactDivergence, "estimate", noisy)
    require_same(search_exactly(targets, sources, 40, EPSILON), wanted)


def test_factors_rounded_to_tf32_change_nothing() -> None:
    targets, sources = crowd(3, 4), crowd(4)
    divergence = ExactDivergence(targets, EPSILON)
    divergence.device = "cuda"  # as far as errors are concerned
    product = divergence._product
    divergence._product = lambda right: product(to_tf32(right))
    wanted = sorted_out(targets, sources, 40)
    require_same(rank(divergence, InMemory(sources), 40, 64), wanted)


@pytest.mark.parametrize("kept", [1, 30, 399, 400, 450])
def test_copies_by_the_hundred_come_by_their_numbers(
    caplog: pytest.LogCaptureFixture, kept: int
) -> None:
    caplog.set_level("INFO", "sjft.retrieval.nearest")
    rng = np.random.default_rng(0)
    one, others = solid(rng, 1), photographs(rng, 60)
    counts = np.concatenate([np.repeat(one, 400, axis=0), others])
    order = rng.permutation(len(counts))
    sources = histograms_of(counts[order])
    targets = histograms_of(np.concatenate([one, photographs(rng, 5)]))
    found = search_exactly(targets, sources, kept, EPSILON)
    copies = np.flatnonzero(order < 400)
    np.testing.assert_array_equal(found.sources[0, :400], copies[:kept])
    assert (found.divergences[0, :400] == 0).all()
    require_same(found, sorted_out(targets, sources, kept))
    assert ("are made anew" in caplog.text) == (kept in (1, 30))


def test_target_images_that_are_ranked_anew_are_taken_in_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ranking, "TARGETS_AGAIN", 7)
    rng = np.random.default_rng(0)
    sources = histograms_of(np.repeat(photographs(rng, 2), 150, axis=0))
    targets = histograms_of(photographs(rng, 20))
    found = search_exactly(targets, sources, 5, EPSILON)
    require_same(found, sorted_out(targets, sources, 5))


@pytest.mark.slow
@given(seed=st.integers(0, 10**6), kept=st.integers(1, 60), block=st.integers(1, 60))
def test_drawn_crowds_are_sorted(seed: int, kept: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    few = sparse_histograms(seed, 12, positions=(7, 3), weight=(0.5, 0.5), bins=3)
    sources = few.take(rng.integers(0, 12, 60))
    sources = Histograms(rng.permutation(60).astype(np.int32), *list(vars(sources).values())[1:])
    targets = few.take(rng.integers(0, 12, 5))
    found = rank(ExactDivergence(targets, EPSILON), InMemory(sources), kept, block)
    require_same(found, sorted_out(targets, sources, kept))


@pytest.mark.slow
def test_shards_and_parts_of_the_target_may_be_cut_anywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    targets, sources = crowd(5, 5), crowd(6)
    wanted = sorted_out(targets, sources, 50)
    for seed, shards in enumerate((1, 3, 8)):
        shard_of = np.random.default_rng(seed).integers(0, shards, len(sources.images))
        parts = []
        for shard in range(shards):
            rows, block = (7, 11, 90)[seed], (16, 33, 64)[shard % 3]
            monkeypatch.setattr(search_module, "exact_blocks", lambda *_, n=(rows, block): n)
            monkeypatch.setattr(search_module, "fits_beside", lambda *_, s=shard: s % 2 == 0)
            path = save_histograms(
                tmp_path / f"{shards}-{shard}.h5", sources.take(np.flatnonzero(shard_of == shard))
            )
            with open_histograms(path) as file:
                parts.append(search_exactly(targets, file, 50, EPSILON, 10**9))
        require_same(nearest(parts, 50), wanted)


def test_no_source_image_gives_empty_lists() -> None:
    none = crowd(1).take(np.arange(0))
    assert search_exactly(crowd(2, 2), none, 5, EPSILON).sources.shape == (
        len(crowd(2, 2).images),
        0,
    )
