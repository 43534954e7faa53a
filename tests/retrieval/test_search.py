"""Search and recall against brute force in double precision."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from definition import EPSILON, divergences
from searches import (
    BACKENDS,
    EverythingIndex,
    pairing_on_disk,
    save_histograms,
    settings,
    shards_of,
)
from small import random_histograms

from sjft.errors import UserError
from sjft.retrieval import search as search_module
from sjft.retrieval.budget import kept_per_shard
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.grouping import groups_of_similar
from sjft.retrieval.histograms import Histograms, open_histograms
from sjft.retrieval.index import auto
from sjft.retrieval.index.annoy import AnnoyIndex, build_annoy_index, load_annoy_index
from sjft.retrieval.neighbours import KIND as LISTS_KIND
from sjft.retrieval.neighbours import VERSION as LISTS_VERSION
from sjft.retrieval.neighbours import merge_shards, nearest, write_neighbours
from sjft.retrieval.projection import fit_projection, hellinger_vectors
from sjft.retrieval.search import search_candidates, search_exactly
from sjft.retrieval.shard_search import search_shard
from sjft.settings.retrieval import RetrievalSettings
from sjft.storage.hdf5 import config_of, open_hdf5


def annoy_index(folder: Path, vectors: np.ndarray, options: RetrievalSettings) -> AnnoyIndex:
    paths = folder / "a.ann", folder / "a.json"
    build_annoy_index(vectors, options.annoy, options.seed, *paths, {})
    return load_annoy_index(*paths, len(vectors), options.annoy, {})


@pytest.mark.parametrize(("sources", "kept"), [(1, 1), (40, 7), (300, 20), (600, 600)])
def test_the_exact_search_finds_what_brute_force_finds(sources: int, kept: int) -> None:
    targets, source = random_histograms(1, 5), random_histograms(2, sources, first_image=50)
    found = search_exactly(targets, source, kept, EPSILON)
    wanted = divergences(targets, source)
    assert found.sources.shape == (5, kept)
    np.testing.assert_array_equal(found.targets, targets.images)
    np.testing.assert_allclose(found.divergences, np.sort(wanted)[:, :kept], atol=2e-5)
    own = np.take_along_axis(wanted, found.sources.astype(int) - 50, axis=1)
    np.testing.assert_allclose(found.divergences, own, atol=2e-5)
    assert all(len(set(row)) == kept for row in found.sources.tolist())


def test_candidates_are_ranked_by_the_divergence() -> None:
    targets, source = random_histograms(1, 70), random_histograms(2, 30, first_image=9)
    vectors = hellinger_vectors(targets)
    found = search_candidates(targets, vectors, source, EverythingIndex(30), 5, 30, EPSILON)
    wanted = divergences(targets, source)
    np.testing.assert_array_equal(found.targets, targets.images)
    np.testing.assert_array_equal(found.sources - 9, wanted.argsort(axis=1)[:, :5])
    np.testing.assert_allclose(found.divergences, np.sort(wanted)[:, :5], atol=1e-5)


def test_only_candidates_are_compared() -> None:
    targets, source = random_histograms(1, 4), random_histograms(2, 30)
    vectors = hellinger_vectors(targets)
    found = search_candidates(targets, vectors, source, EverythingIndex(30), 5, 10, EPSILON)
    wanted = divergences(targets, source)[:, :10]  # the first 10 rows are all it is given
    np.testing.assert_array_equal(found.sources, wanted.argsort(axis=1)[:, :5])


class OwnIndex:
    """Gives a row of its own to each query, by the query's first number."""

    def candidates(self, vectors: np.ndarray, number: int) -> np.ndarray:
        return vectors[:, :1].astype(np.int32)


@pytest.mark.parametrize("targets", [1, 7, 161, 400])
def test_a_group_compares_what_the_index_names_to_any_of_it(targets: int) -> None:
    x, y = random_histograms(1, targets), random_histograms(2, targets, first_image=5)
    vectors = np.arange(targets, dtype=np.float32)[:, None]
    found = search_candidates(x, vectors, y, OwnIndex(), 1, 1, EPSILON)
    np.testing.assert_array_equal(found.targets, x.images)
    wanted = ExactDivergence(x, EPSILON).to(y)
    for group in groups_of_similar(vectors, 160):
        nearest_there = wanted[np.ix_(group, group)].argmin(axis=1)
        np.testing.assert_array_equal(found.sources[group, 0] - 5, group[nearest_there])


CANDIDATES: dict[str, tuple[Callable[[int, int], np.ndarray], str]] = {
    "too few": (lambda of, number: rows_of(of, number)[:, 1:], r"int32 \[4, 9\]; .* \[4, 10\]"),
    "of one": (lambda of, number: rows_of(1, number), r"int32 \[1, 10\]; .* \[4, 10\]"),
    "no rows": (lambda of, number: rows_of(of, number) / 2, r"float64 \[4, 10\]; .* int32"),
    "nothing": (lambda of, number: rows_of(of, number) - 1, "the row -1; .* from 0 to 29"),
    "beyond": (lambda of, number: rows_of(of, number) + 21, "the row 30; .* from 0 to 29"),
    "the same": (lambda of, number: 0 * rows_of(of, number), "a row twice to one vector"),
}


def rows_of(vectors: int, number: int) -> np.ndarray:
    return np.tile(np.arange(number, dtype=np.int32), (vectors, 1))


@pytest.mark.parametrize(("give", "message"), CANDIDATES.values(), ids=list(CANDIDATES))
def test_an_index_that_gives_other_candidates_than_asked_for_is_refused(
    give: Callable[[int, int], np.ndarray], message: str
) -> None:
    """Shorter lists, or the last image where nothing was found, would be taken for the nearest."""

    class Wrong:
        def candidates(self, vectors: np.ndarray, number: int) -> np.ndarray:
            return give(len(vectors), number)

    targets, source = random_histograms(1, 4), random_histograms(2, 30)
    vectors = hellinger_vectors(targets)
    with pytest.raises(UserError, match=f"The index Wrong .*{message}.* Mend its `candidates`"):
        search_candidates(targets, vectors, source, Wrong(), 5, 10, EPSILON)


def test_annoy_with_enough_candidates_agrees_with_the_exact_search(tmp_path: Path) -> None:
    targets, source = random_histograms(1, 20), random_histograms(2, 200)
    index = annoy_index(tmp_path, hellinger_vectors(source), settings())
    vectors = hellinger_vectors(targets)
    found = search_candidates(targets, vectors, source, index, 20, 200, EPSILON)
    exact = search_exactly(targets, source, 20, EPSILON)
    np.testing.assert_allclose(found.divergences, exact.divergences, atol=2e-5)


def test_annoy_with_few_candidates_finds_most(tmp_path: Path) -> None:
    targets, source = random_histograms(1, 20), random_histograms(2, 400)
    index = annoy_index(tmp_path, hellinger_vectors(source), settings())
    found = search_candidates(targets, hellinger_vectors(targets), source, index, 20, 80, 1e-3)
    truth = divergences(targets, source, 1e-3).argsort(axis=1)[:, :20]
    shares = [len({*a} & {*b}) / 20 for a, b in zip(found.sources, truth, strict=True)]
    assert np.mean(shares) > 0.9


def test_the_epsilon_decides_who_is_near() -> None:
    targets, source = random_histograms(1, 5), random_histograms(2, 50)
    for epsilon in (1e-2, 1e-12):
        found = search_exactly(targets, source, 50, epsilon)
        wanted = np.sort(divergences(targets, source, epsilon))
        np.testing.assert_allclose(found.divergences, wanted, atol=2e-5)


def test_several_shards_merged_give_what_one_gives() -> None:
    targets, source = random_histograms(1, 12), random_histograms(2, 500)
    assignment = np.random.default_rng(3).integers(0, 4, 500)
    one = search_exactly(targets, source, 30, EPSILON)
    parts = [
        search_exactly(targets, shard, kept_per_shard(30, len(shard.images), 4), EPSILON)
        for shard in shards_of(source, assignment)
    ]
    merged = nearest(parts, 30)
    np.testing.assert_allclose(merged.divergences, one.divergences, atol=2e-5)
    own = np.take_along_axis(divergences(targets, source), merged.sources.astype(int), axis=1)
    np.testing.assert_allclose(merged.divergences, own, atol=2e-5)


def test_equally_near_images_are_ordered_by_their_numbers() -> None:
    targets, source = random_histograms(1, 3), random_histograms(2, 4)
    twice = source.take(np.array([0, 1, 2, 3, 0, 1, 2, 3]))
    numbered = Histograms(
        np.array([7, 5, 3, 1, 6, 4, 2, 0], np.int32), *list(vars(twice).values())[1:]
    )
    vectors = hellinger_vectors(targets)
    ranked = search_candidates(targets, vectors, numbered, EverythingIndex(8), 8, 8, EPSILON)
    pairs = {7: 6, 5: 4, 3: 2, 1: 0}
    for found in (ranked, search_exactly(targets, numbered, 8, EPSILON)):
        for row in found.sources.tolist():
            assert all(pairs[b] == a for a, b in zip(row[::2], row[1::2], strict=True))
        fewer = search_exactly(targets, numbered, 3, EPSILON)
        np.testing.assert_array_equal(fewer.sources, found.sources[:, :3])


@pytest.mark.parametrize("backend", ["annoy", "flat", "exact", "blocks"])
def test_images_that_are_the_same_come_by_their_numbers_from_every_backend(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    targets, originals = random_histograms(1, 70), random_histograms(2, 12)
    order = np.random.default_rng(0).permutation(240)
    source = originals.take(order % 12)  # twenty of each, in no order
    source = Histograms(np.arange(240, dtype=np.int32), *list(vars(source).values())[1:])
    files = pairing_on_disk(tmp_path, targets, source)
    if backend == "blocks":
        monkeypatch.setattr(search_module, "exact_blocks", lambda *_: (33, 32))
        backend = "exact"
    found = search_shard(
        *(targets, source, files[: BACKENDS[backend]]),
        kept=50,  # two and a half originals: the third's first ten
        candidates=100,
        settings=settings(backend=backend, annoy={"search_k": 10**6}),
        memory=10**9,
    )
    nearest_originals = divergences(targets, originals).argsort(axis=1)[:, :3]
    copies = [np.flatnonzero(order % 12 == original) for original in range(12)]
    wanted = [
        np.concatenate([copies[first], copies[second], copies[third][:10]])
        for first, second, third in nearest_originals
    ]
    np.testing.assert_array_equal(found.sources, wanted)


def test_a_shard_whose_images_were_all_skipped_gives_empty_lists() -> None:
    targets, none = random_histograms(1, 7), random_histograms(2, 5).take(np.zeros(0, np.intp))
    assert search_exactly(targets, none, 0, EPSILON, 10**9).sources.shape == (7, 0)


def test_blocks_cut_for_little_memory_give_the_same_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    targets, source = random_histograms(1, 70), random_histograms(2, 300)
    whole = search_exactly(targets, source, 9, EPSILON)
    monkeypatch.setattr(search_module, "exact_blocks", lambda *_: (33, 64))
    path = save_histograms(tmp_path / "s.h5", source)
    with open_histograms(path, source.digest_of_bins) as shard:
        found = search_exactly(targets, shard, 9, EPSILON, 10**9)
    np.testing.assert_array_equal(found.targets, whole.targets)
    np.testing.assert_array_equal(found.sources, whole.sources)
    np.testing.assert_allclose(found.divergences, whole.divergences, atol=1e-5)


@pytest.mark.parametrize(("backend", "files"), BACKENDS.items())
@pytest.mark.parametrize(("targets", "sources", "kept"), [(9, 200, 20), (200, 9, 9), (3, 1, 1)])
def test_all_backends_give_the_same_lists_from_enough_candidates(
    tmp_path: Path, backend: str, files: int, targets: int, sources: int, kept: int
) -> None:
    x, y = random_histograms(1, targets), random_histograms(2, sources)
    found = search_shard(
        *(x, y, pairing_on_disk(tmp_path, x, y)[:files]),
        kept=kept,
        candidates=sources,
        settings=settings(backend=backend),
        memory=10**9,
    )
    wanted = divergences(x, y)
    assert found.sources.shape == (targets, kept)
    np.testing.assert_allclose(found.divergences, np.sort(wanted)[:, :kept], atol=2e-5)


def test_an_index_that_belongs_to_another_projection_is_refused(tmp_path: Path) -> None:
    x, y = random_histograms(1, 20), random_histograms(2, 30)
    files = pairing_on_disk(tmp_path, x, y)
    fit_projection(x, epsilon=2.2e-16, dimensions=5, sample=99, seed=0, output=files[0], inputs={})
    options = {"kept": 3, "candidates": 9, "settings": settings(), "memory": 10**9}
    with pytest.raises(UserError, match="another projection file"):
        search_shard(x, y, files, **options)


@pytest.mark.slow
@pytest.mark.parametrize(("candidates", "enough"), [(100, True), (5, False)])
def test_auto_takes_exact_where_flat_misses_much_and_says_so(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    candidates: int,
    enough: bool,
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(auto, "cheaper_backend", lambda *_: "flat")
    monkeypatch.setattr(search_module, "TARGETS_A_GROUP", 1)  # none finds what others ask for
    targets, source = random_histograms(1, 30), random_histograms(2, 400)
    files = pairing_on_disk(tmp_path, targets, source)[:1]
    options = {"kept": 5, "candidates": candidates, "memory": 10**9}
    found = search_shard(targets, source, files, settings=settings(backend="auto"), **options)
    truth = search_exactly(targets, source, 5, EPSILON)
    assert ("that is too few: it takes `exact`" in caplog.text) is not enough
    assert "of the 5 nearest of 16 target images" in caplog.text
    if not enough:
        np.testing.assert_array_equal(found.sources, truth.sources)
        search_shard(targets, source, files, settings=settings(backend="auto"), needed=1, **options)
        assert "of the 1 nearest of 16 target images" in caplog.text
    else:
        assert (found.divergences <= truth.divergences[:, -1:]).mean() > 0.97


def test_the_epsilon_stands_in_the_files_and_others_are_not_merged(tmp_path: Path) -> None:
    found = search_exactly(random_histograms(1, 3), random_histograms(2, 9), 4, 1e-5)
    paths = [tmp_path / "0.h5", tmp_path / "1.h5"]
    for path, epsilon in zip(paths, (1e-5, 1e-6), strict=True):
        write_neighbours(path, found, settings(epsilon=epsilon).model_dump(mode="json"), {})
    with open_hdf5(paths[0], kind=LISTS_KIND, version=LISTS_VERSION) as file:
        assert config_of(file)["epsilon"] == 1e-5
    with pytest.raises(UserError, match="other settings"):
        merge_shards(paths, 4, [np.arange(9, dtype=np.int32)] * 2)
