"""The neighbours of a whole source, from those of its shards, against all pairs at once."""

from pathlib import Path

import numpy as np
import pytest
from staged import SETTINGS, Staged, target_and_source

from sjft.data.table import numbers_in_shards, read_images
from sjft.errors import UserError
from sjft.retrieval.histograms import concatenate, read_histograms, rows_of_shards
from sjft.retrieval.merging import SearchedFiles, merge_neighbours
from sjft.retrieval.neighbours import Neighbours, read_neighbours, read_recall, write_neighbours
from sjft.retrieval.search import search_exactly
from sjft.storage.files import digest_of_file
from sjft.storage.hdf5 import inputs_of, open_hdf5

DECIDED_BY = {"neighbours_on_file": SETTINGS.neighbours_on_file, "recall_floor": 0.95}


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Staged, Staged]:
    return target_and_source(tmp_path_factory.mktemp("merging"))


def searched(staged: tuple[Staged, Staged], folder: Path) -> SearchedFiles:
    """Each shard's neighbours, of all pairs."""
    target, source = staged
    targets, sources = (each.files("histograms", "train") for each in staged)
    of_target = concatenate([read_histograms(path) for path in targets])
    shards = []
    for shard, path in enumerate(sources):
        found = search_exactly(of_target, read_histograms(path), 6, SETTINGS.epsilon)
        shards.append(folder / f"{shard}.h5")
        write_neighbours(shards[-1], found, {"epsilon": SETTINGS.epsilon}, {})
    return SearchedFiles(shards, targets, sources, target.images, source.images)


def test_the_merged_lists_are_those_of_all_pairs_by_rows_of_both_lists(
    staged: tuple[Staged, Staged], tmp_path: Path
) -> None:
    files, output = searched(staged, tmp_path), tmp_path / "neighbours.h5"
    merge_neighbours(files, SETTINGS, DECIDED_BY, output)
    found = read_neighbours(output)
    numbers = numbers_in_shards(read_images(files.source_images), "train", 2)
    rows = rows_of_shards(files.sources, numbers)
    targets = concatenate([read_histograms(path) for path in files.targets])
    sources = concatenate([read_histograms(path) for path in files.sources])
    wanted = search_exactly(targets, sources, 6, SETTINGS.epsilon)
    listed = read_images(files.target_images).filter(split="train")
    assert found.targets.tolist() == listed["image"].to_list()
    numbers = numbers_in_shards(read_images(files.target_images), "train", 2)
    of_target = rows_of_shards(files.targets, numbers)
    order = np.argsort(of_target)
    assert (np.diff(of_target) < 0).any()  # shards are drawn: joined, they are in another order
    assert np.array_equal(found.divergences, wanted.divergences[order])
    assert np.array_equal(found.sources, rows[wanted.sources[order]])
    assert read_recall(output) == {"6": 1.0}
    with open_hdf5(output, kind="sjft-neighbours", version=1) as file:
        assert inputs_of(file) == {path.name: digest_of_file(path) for path in files.shards}


def test_a_recall_under_the_floor_leaves_nothing_behind(
    staged: tuple[Staged, Staged], tmp_path: Path
) -> None:
    files, output = searched(staged, tmp_path), tmp_path / "neighbours.h5"
    for path in files.shards:  # the search has found the farthest images alone
        found = read_neighbours(path)
        wrong = Neighbours(found.targets, found.sources, found.divergences + 1)
        wrong.sources[:] = wrong.sources[:, -1:]
        write_neighbours(path, wrong, {"epsilon": SETTINGS.epsilon}, {})
    with pytest.raises(UserError, match=r"recall_floor is 0\.95"):
        merge_neighbours(files, SETTINGS, DECIDED_BY, output)
    assert not output.exists()
