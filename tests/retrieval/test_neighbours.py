"""Neighbour lists: the nearest of several lists, and files of them."""

from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sealed import seal_again
from small import random_neighbours

from sjft.errors import UserError
from sjft.retrieval.neighbours import (
    Neighbours,
    merge_shards,
    nearest,
    of_targets,
    read_neighbours,
    read_recall,
    write_neighbours,
)

# The rows of images.csv that a shard's numbers stand for.
NUMBERS = np.array([0, 10, 20, 30], np.int32)


def lists(sources: list[list[int]], divergences: list[list[float]]) -> Neighbours:
    return Neighbours(
        np.arange(len(sources), dtype=np.int32),
        np.array(sources, np.int32),
        np.array(divergences, np.float32),
    )


@st.composite
def parts_of_lists(draw: st.DrawFn) -> list[Neighbours]:
    """Lists over the same targets, with many equal divergences and no source image twice."""
    targets = draw(st.integers(1, 3))
    widths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    numbers = draw(st.permutations(range(sum(widths))))
    parts, start = [], 0
    for width in widths:
        of_part = numbers[start : start + width]
        start += width
        near = st.lists(st.sampled_from([0.0, -0.0, 0.5, 1.0]), min_size=width, max_size=width)
        parts.append(lists([of_part] * targets, [draw(near) for _ in range(targets)]))
    return parts


@given(parts=parts_of_lists(), kept=st.integers(1, 30))
def test_the_nearest_are_those_of_sorting_pairs(parts: list[Neighbours], kept: int) -> None:
    found = nearest(parts, kept)
    for row in range(len(parts[0].targets)):
        pairs = sorted(
            (float(d), int(s))
            for part in parts
            for d, s in zip(part.divergences[row], part.sources[row], strict=True)
        )
        assert found.sources[row].tolist() == [s for _, s in pairs[:kept]]
        assert found.divergences[row].tolist() == [d for d, _ in pairs[:kept]]


@pytest.mark.parametrize("kept", [1, 2, 50, 1200])
def test_the_nearest_of_long_lists_are_those_of_sorting_them(kept: int) -> None:
    rng = np.random.default_rng(kept)
    divergences = rng.random((12, 3000), np.float32)
    sources = rng.permutation(3000).astype(np.int32)
    targets = np.arange(12, dtype=np.int32)
    cuts = [0, 1700, 1800, 1801, 3000]
    parts = [
        Neighbours(targets, np.tile(sources[a:b], (12, 1)), divergences[:, a:b])
        for a, b in pairwise(cuts)
    ]
    order = np.stack([np.lexsort((sources, row))[:kept] for row in divergences])
    found = nearest(parts, kept)
    np.testing.assert_array_equal(found.sources, sources[order])
    np.testing.assert_array_equal(found.divergences, np.take_along_axis(divergences, order, 1))


@given(parts=parts_of_lists(), kept=st.integers(1, 30))
def test_the_order_of_the_parts_does_not_matter(parts: list[Neighbours], kept: int) -> None:
    there, back = nearest(parts, kept), nearest(parts[::-1], kept)
    np.testing.assert_array_equal(there.sources, back.sources)
    np.testing.assert_array_equal(there.divergences, back.divergences)


def test_lists_of_different_target_images_are_not_joined() -> None:
    one = lists([[1]], [[0.5]])
    other = Neighbours(one.targets + 1, one.sources, one.divergences)
    with pytest.raises(UserError, match="different target images"):
        nearest([one, other], 1)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    written = random_neighbours(1, 5, 40, 9)
    measured = {"1000": 0.5, "10": 1.0, "100": 0.75}
    write_neighbours(tmp_path / "n.h5", written, {"epsilon": 0.5}, {"a": "b"}, measured)
    found = read_neighbours(tmp_path / "n.h5")
    for name in ("targets", "sources", "divergences"):
        np.testing.assert_array_equal(getattr(found, name), getattr(written, name))
        assert getattr(found, name).dtype == getattr(written, name).dtype
    assert read_recall(tmp_path / "n.h5") == measured
    assert list(read_recall(tmp_path / "n.h5")) == ["10", "100", "1000"]


def test_a_file_describes_its_data_sets(tmp_path: Path) -> None:
    write_neighbours(tmp_path / "n.h5", random_neighbours(1, 5, 40, 9), {}, {}, {"9": 1.0})
    with h5py.File(tmp_path / "n.h5") as file:
        assert [d.label for d in file["source_image"].dims] == ["target", "neighbour"]
        assert file["divergence"].attrs["units"] == "nat"
        assert all(data.attrs["description"] for data in file.values())


def test_shards_are_merged_to_the_nearest(tmp_path: Path) -> None:
    parts = [lists([[1, 3]], [[0.1, 0.4]]), lists([[2, 0]], [[0.2, 0.3]])]
    paths = [tmp_path / "0.h5", tmp_path / "1.h5"]
    for path, part in zip(paths, parts, strict=True):
        write_neighbours(path, part, {"seed": 1}, {})
    for on_file, wanted in ((3, [[10, 25, 5]]), (9, [[10, 25, 5, 30]])):
        assert merge_shards(paths, on_file, [NUMBERS, NUMBERS + 5]).sources.tolist() == wanted


def test_equally_near_images_of_several_shards_are_ordered_by_their_rows(tmp_path: Path) -> None:
    paths = [tmp_path / "0.h5", tmp_path / "1.h5"]
    for path in paths:
        write_neighbours(path, lists([[0, 1]], [[0.5, 0.5]]), {}, {})
    numbers = [np.array([1, 2], np.int32), np.array([0, 3], np.int32)]
    assert merge_shards(paths, 4, numbers).sources.tolist() == [[0, 1, 2, 3]]


def test_lists_are_brought_into_the_order_of_the_targets_rows() -> None:
    found = of_targets(lists([[1], [2], [3]], [[0.1], [0.2], [0.3]]), np.array([7, 2, 4], np.int32))
    assert found.targets.tolist() == [2, 4, 7]
    assert found.sources.tolist() == [[2], [3], [1]]


def test_shards_searched_with_other_settings_are_not_merged(tmp_path: Path) -> None:
    paths = [tmp_path / "0.h5", tmp_path / "1.h5"]
    for seed, path in enumerate(paths):
        write_neighbours(path, lists([[seed]], [[0.1]]), {"seed": seed}, {})
    with pytest.raises(UserError, match=r"1\.h5: was searched with other settings"):
        merge_shards(paths, 1, [NUMBERS, NUMBERS])


def test_a_list_that_is_short_is_refused(tmp_path: Path) -> None:
    write_neighbours(tmp_path / "0.h5", lists([[1, 2]], [[0.1, np.inf]]), {}, {})
    with pytest.raises(UserError, match="a list is short"):
        merge_shards([tmp_path / "0.h5"], 2, [NUMBERS])
    assert merge_shards([tmp_path / "0.h5"], 1, [NUMBERS]).sources.tolist() == [[10]]


def test_another_file_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_neighbours(tmp_path / "n.h5")
    with h5py.File(tmp_path / "n.h5", "w") as file:
        file.attrs["format"] = "fruit"
    seal_again(tmp_path / "n.h5")
    with pytest.raises(UserError, match="holds `fruit`"):
        read_neighbours(tmp_path / "n.h5")


def test_some_of_the_lists_can_be_taken() -> None:
    found = random_neighbours(1, 5, 40, 9).take(np.array([3, 1]))
    assert found.targets.tolist() == [3, 1]
    assert found.sources.shape == found.divergences.shape == (2, 9)
