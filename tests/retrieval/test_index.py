"""Indexes: as many candidates as asked for, and of Annoy nothing without a word."""

from collections.abc import Callable
from pathlib import Path

import annoy
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sjft.errors import UserError
from sjft.retrieval.index import annoy as index_module
from sjft.retrieval.index.annoy import AnnoyIndex, build_annoy_index, load_annoy_index
from sjft.retrieval.index.flat import FlatIndex
from sjft.settings.retrieval import AnnoySettings
from sjft.storage.files import read_json
from sjft.storage.seals import checksum_of_file

MADE_FROM = {"projection": "one digest", "histograms": "another"}


def random_vectors(seed: int, items: int, dimensions: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((items, dimensions)).astype(np.float32)


def build(folder: Path, vectors: np.ndarray, seed: int = 0, **options: int) -> AnnoyIndex:
    settings = AnnoySettings.model_validate({"trees": 5, **options})
    path, record = folder / "a.ann", folder / "a.json"
    build_annoy_index(vectors, settings, seed, path, record, MADE_FROM)
    return load_annoy_index(path, record, len(vectors), settings, MADE_FROM)


def distances(vectors: np.ndarray, queries: np.ndarray) -> np.ndarray:
    return np.linalg.norm(queries[:, None].astype(float) - vectors[None], axis=2)


def refusal(action: Callable[[], object]) -> str:
    with pytest.raises(UserError) as error:
        action()
    return str(error.value)


@pytest.mark.parametrize(("trees", "search_k"), [(1, 1), (5, 1), (60, 1), (60, 300), (5, 100000)])
@pytest.mark.parametrize("number", [1, 7, 150])
def test_as_many_different_candidates_are_given_as_asked_for(
    tmp_path: Path, trees: int, search_k: int, number: int
) -> None:
    index = build(tmp_path, random_vectors(1, 300), trees=trees, search_k=search_k)
    found = index.candidates(random_vectors(2, 9), number)
    assert found.shape == (9, number)
    assert found.dtype == np.int32
    assert all(len(set(row)) == number for row in found.tolist())


def test_candidates_come_nearest_first(tmp_path: Path) -> None:
    vectors, queries = random_vectors(1, 300), random_vectors(2, 9)
    found = build(tmp_path, vectors).candidates(queries, 40)
    apart = np.take_along_axis(distances(vectors, queries), found.astype(int), axis=1)
    assert (np.diff(apart, axis=1) >= -1e-5).all()


def test_a_wide_search_finds_the_truly_nearest(tmp_path: Path) -> None:
    vectors, queries = random_vectors(1, 300), random_vectors(2, 9)
    found = build(tmp_path, vectors, search_k=10**6).candidates(queries, 10)
    np.testing.assert_array_equal(found, distances(vectors, queries).argsort(axis=1)[:, :10])


@pytest.mark.parametrize("number", [1, 7, 150, 300])
def test_a_flat_scan_finds_the_truly_nearest_and_equal_ones_by_their_rows(number: int) -> None:
    # Whole numbers, of which many vectors are the same, and queries of other lengths than theirs.
    rng = np.random.default_rng(number)
    vectors = rng.integers(-3, 4, (300, 3)).astype(np.float32)
    queries = (rng.integers(-3, 4, (9, 3)) * rng.integers(0, 4, (9, 1))).astype(np.float32)
    squares = ((queries[:, None].astype(float) - vectors[None]) ** 2).sum(axis=2)
    wanted = squares.argsort(axis=1, kind="stable")[:, :number]
    np.testing.assert_array_equal(FlatIndex(vectors).candidates(queries, number), wanted)


def test_a_flat_scan_finds_a_vector_itself_first_though_rounding_leaves_it_below_0() -> None:
    vectors = random_vectors(1, 300) * 100
    found = FlatIndex(vectors).candidates(vectors, 2)
    assert found[:, 0].tolist() == list(range(300))


def test_narrow_searches_are_widened_and_counted(tmp_path: Path) -> None:
    vectors = random_vectors(1, 300)
    narrow = build(tmp_path, vectors, search_k=1)
    narrow.candidates(vectors[:4], 200)
    assert narrow.widened >= 4
    wide = build(tmp_path, vectors, search_k=10**6)
    wide.candidates(vectors[:4], 200)
    assert wide.widened == 0


def test_asking_for_more_than_there_are_gives_all(tmp_path: Path) -> None:
    found = build(tmp_path, random_vectors(1, 30), search_k=1).candidates(random_vectors(2, 3), 99)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.tile(np.arange(30), (3, 1)))


def test_an_index_of_one_item_and_no_query_are_possible(tmp_path: Path) -> None:
    index = build(tmp_path, random_vectors(1, 1))
    np.testing.assert_array_equal(index.candidates(random_vectors(2, 2), 5), [[0], [0]])
    assert index.candidates(random_vectors(2, 0), 5).shape == (0, 1)


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(tmp_path: Path) -> None:
    contents = []
    for seed in (0, 0, 1):
        build(tmp_path, random_vectors(1, 200), seed)
        contents.append((tmp_path / "a.ann").read_bytes())
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_the_record_says_what_the_index_holds(tmp_path: Path) -> None:
    build(tmp_path, random_vectors(1, 250, 6), seed=3, trees=4)
    record = read_json(tmp_path / "a.json")
    assert record.pop("seconds") >= 0
    assert record == {
        "items": 250,
        "dimensions": 6,
        "trees": 4,
        "seed": 3,
        "bytes": (tmp_path / "a.ann").stat().st_size,
        "checksum_of_index": checksum_of_file(tmp_path / "a.ann"),
        "made_from": MADE_FROM,
        "items_that_found_themselves": 100,
    }


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    vectors = random_vectors(1, 20)
    index = build(tmp_path, vectors)
    vectors[7, 3] = value
    assert "not finite" in refusal(lambda: index.candidates(vectors, 2))
    assert "not finite" in refusal(lambda: build(tmp_path / "new", vectors))
    assert not (tmp_path / "new" / "a.ann").exists()


def test_a_truncated_index_is_refused(tmp_path: Path) -> None:
    vectors = random_vectors(1, 200)
    build(tmp_path, vectors)
    path = tmp_path / "a.ann"
    path.write_bytes(path.read_bytes()[:-48])
    message = refusal(
        lambda: load_annoy_index(path, tmp_path / "a.json", 200, AnnoySettings(), MADE_FROM)
    )
    assert "a.ann: is truncated" in message


def test_an_index_with_another_number_of_items_is_refused(tmp_path: Path) -> None:
    build(tmp_path, random_vectors(1, 20))
    paths = tmp_path / "a.ann", tmp_path / "a.json"
    message = refusal(lambda: load_annoy_index(*paths, 21, AnnoySettings(), MADE_FROM))
    assert "holds 20 items, the shard 21 images" in message


@pytest.mark.parametrize("name", ["projection", "histograms"])
def test_an_index_of_another_file_is_refused(tmp_path: Path, name: str) -> None:
    build(tmp_path, random_vectors(1, 20))
    paths = tmp_path / "a.ann", tmp_path / "a.json"
    now = MADE_FROM | {name: "a third"}
    message = refusal(lambda: load_annoy_index(*paths, 20, AnnoySettings(), now))
    assert f"belongs to another {name} file" in message


@pytest.mark.parametrize("missing", ["a.ann", "a.json"])
def test_a_missing_file_is_refused(tmp_path: Path, missing: str) -> None:
    build(tmp_path, random_vectors(1, 20))
    (tmp_path / missing).unlink()
    paths = tmp_path / "a.ann", tmp_path / "a.json"
    assert "a.ann: cannot be loaded" in refusal(
        lambda: load_annoy_index(*paths, 20, AnnoySettings(), MADE_FROM)
    )


@pytest.mark.parametrize("text", ["", "{", "{}", '{"bytes": 1'])
def test_a_damaged_record_is_refused(tmp_path: Path, text: str) -> None:
    build(tmp_path, random_vectors(1, 20))
    paths = tmp_path / "a.ann", tmp_path / "a.json"
    paths[1].write_text(text)
    assert "cannot be loaded" in refusal(
        lambda: load_annoy_index(*paths, 20, AnnoySettings(), MADE_FROM)
    )


class ForgetfulIndex:
    """An index that never gives more than two items."""

    def get_n_items(self) -> int:
        return 10

    def get_n_trees(self) -> int:
        return 3

    def get_nns_by_vector(self, vector: np.ndarray, number: int, search_k: int) -> list[int]:
        return [0, 1][:number]


def test_an_index_that_never_gives_enough_is_refused() -> None:
    index = AnnoyIndex(ForgetfulIndex(), None, Path("a.ann"))
    assert "returns 2 of 5 items" in refusal(lambda: index.candidates(random_vectors(1, 1), 5))
    np.testing.assert_array_equal(index.candidates(random_vectors(1, 1), 2), [[0, 1]])


def test_an_index_whose_items_do_not_find_themselves_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class WrongIndex(annoy.AnnoyIndex):
        def get_nns_by_vector(self, *arguments: object) -> list[int]:
            return [0]

    monkeypatch.setattr(index_module.annoy, "AnnoyIndex", WrongIndex)
    assert "does not find itself" in refusal(lambda: build(tmp_path, random_vectors(1, 20)))
    assert list(tmp_path.iterdir()) == []


@given(
    seed=st.integers(0, 1000),
    items=st.integers(1, 300),
    dimensions=st.integers(1, 4),
    trees=st.integers(1, 3),
)
def test_no_false_alarm_for_vectors_that_repeat_or_lie_on_a_plane_between_others(
    tmp_path_factory: pytest.TempPathFactory, seed: int, items: int, dimensions: int, trees: int
) -> None:
    vectors = np.random.default_rng(seed).integers(-2, 3, (items, dimensions)).astype(np.float32)
    index = build(tmp_path_factory.mktemp("index"), vectors, trees=trees)
    assert index.items == items
