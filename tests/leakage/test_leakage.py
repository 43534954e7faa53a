"""The stages of the leakage check: what stands twice is found, in every shard and by every test."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from staged import IN_SOURCE, IN_TARGET, MEMORY, SETTINGS, Staged, target_and_source

from sjft.data.shard import ImagesOfShard
from sjft.data.table import numbers_in_shards, of_shard, read_images
from sjft.errors import UserError
from sjft.leakage.copies import COPIES_SCHEMA
from sjft.leakage.duplicates import PartFiles, find_duplicates
from sjft.leakage.hashes import hash_shard, read_hashes
from sjft.leakage.shard import FoundFiles, LeakageFiles, find_leakage
from sjft.leakage.source import FoundInShards, merge_leakage
from sjft.leakage.table import read_leakage
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.histograms import concatenate, read_histograms, rows_of_shards
from sjft.retrieval.neighbours import read_neighbours
from sjft.settings.retrieval import LeakageSettings
from sjft.storage.files import read_table
from sjft.storage.hdf5 import config_of, inputs_of, open_hdf5


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Staged, Staged]:
    return target_and_source(tmp_path_factory.mktemp("leakage"))


@pytest.fixture(scope="module")
def found(staged: tuple[Staged, Staged]) -> FoundInShards:
    target, source = staged
    found = FoundInShards(
        [source.folder / f"leakage/{shard}.csv" for shard in range(2)],
        [source.folder / f"leakage/{shard}.h5" for shard in range(2)],
    )
    heldout = [target.files(kind, "heldout") for kind in ("hashes", "histograms")]
    files = (source.files("hashes", "train"), source.files("histograms", "train"))
    for hashes, histograms, copies, nearest in zip(
        *files, found.copies, found.nearest, strict=True
    ):
        find_leakage(
            LeakageFiles(heldout[0], hashes, heldout[1], histograms, [], target.images),
            FoundFiles(copies, nearest),
            SETTINGS,
            MEMORY,
        )
    return found


def merged(
    staged: tuple[Staged, Staged], found: FoundInShards, share: float | None
) -> dict[tuple[str, str], str]:
    target, source = staged
    output = source.folder / "leakage.csv"
    heldout = target.files("histograms", "heldout")
    merge_leakage(found, heldout, target.images, source.images, share, output)
    table = read_leakage(output)
    assert set(table["target_split"]) <= {"test"} and set(table["source_split"]) <= {"train"}
    pairs = zip(table["source_path"], table["target_path"], strict=True)
    return dict(zip(pairs, table["reasons"], strict=True))


def test_a_shards_files_say_what_was_compared(
    staged: tuple[Staged, Staged], found: FoundInShards
) -> None:
    target, source = staged
    tables = [read_table(path, COPIES_SCHEMA) for path in found.copies]
    assert sum(map(len, tables)) == len(IN_SOURCE)
    tested = read_images(target.images).filter(split="test")["image"].to_list()
    for shard, (table, path) in enumerate(zip(tables, found.nearest, strict=True)):
        inside = of_shard(read_images(source.images), "train", shard)
        for row in table.iter_rows(named=True):
            copied = IN_SOURCE[inside["path"][row["source_image"]]]
            assert read_images(target.images)["path"][row["target_image"]] == copied
            assert row["target_image"] in tested
        nearest = read_neighbours(path)
        assert nearest.sources.shape == (6, min(10, len(inside)))
        assert nearest.sources.max() < len(inside)
        with open_hdf5(path, kind="sjft-neighbours", version=1) as file:
            assert config_of(file) == SETTINGS.model_dump(mode="json", exclude={"device"})
            assert set(inputs_of(file)) == {"bins", "sources"}


def test_copies_in_all_shards_are_found_by_file_hash_and_divergence(
    staged: tuple[Staged, Staged], found: FoundInShards
) -> None:
    pairs = merged(staged, found, 0.01)
    assert list(pairs) == [(copy, original) for copy, original in sorted(IN_SOURCE.items())]
    for reasons in pairs.values():
        assert reasons.startswith("same file; perceptual hash 0 of 256 bits; divergence ")


def test_without_a_share_no_divergence_is_a_reason(
    staged: tuple[Staged, Staged], found: FoundInShards
) -> None:
    pairs = merged(staged, found, None)
    assert set(pairs.values()) == {"same file; perceptual hash 0 of 256 bits"}


def test_copies_of_other_shards_than_the_lists_are_refused(
    staged: tuple[Staged, Staged], found: FoundInShards
) -> None:
    with pytest.raises(ValueError, match="shorter"):
        merged(staged, FoundInShards(found.copies[:1], found.nearest), None)


def test_duplicates_within_the_target_are_found(staged: tuple[Staged, Staged]) -> None:
    target, _ = staged
    parts = ("train", "heldout")
    hashes, histograms = (
        [target.files(kind, part) for part in parts] for kind in ("hashes", "histograms")
    )
    files = PartFiles(*hashes, *histograms, target.images)
    output = target.folder / "duplicates.csv"
    by_hash = SETTINGS.model_copy(update={"leakage": LeakageSettings(divergence_share=None)})
    same = "same file; perceptual hash 0 of 256 bits"
    for settings, wanted in ((by_hash, same), (SETTINGS, f"{same}; divergence ")):
        find_duplicates(files, settings, MEMORY, output)
        table = read_leakage(output)
        pairs = zip(table["source_path"], table["target_path"], strict=True)
        assert dict(pairs) == IN_TARGET
        assert table["reasons"][0].startswith(wanted)


def test_duplicates_by_divergence_are_measured_by_the_tenth_nearest_and_the_retrievals_epsilon(
    staged: tuple[Staged, Staged],
) -> None:
    target, _ = staged
    kinds, parts = ("hashes", "histograms"), ("train", "heldout")
    files = PartFiles(*(target.files(k, p) for k in kinds for p in parts), target.images)
    share, epsilon, listed = 0.95, 1e-3, read_images(target.images)
    settings = SETTINGS.model_copy(
        update={"epsilon": epsilon, "leakage": LeakageSettings(divergence_share=share)}
    )
    output = target.folder / "by_divergence.csv"
    find_duplicates(files, settings, MEMORY, output)
    table = read_leakage(output).filter(pl.col("divergence").is_not_null())
    found = {
        (row[0], row[1]): row[2]
        for row in table.select("target_path", "source_path", "divergence").iter_rows()
    }
    histograms, paths = [], []
    for part in parts:
        shards = target.files("histograms", part)
        histograms.append(concatenate([read_histograms(path) for path in shards]))
        rows = rows_of_shards(shards, numbers_in_shards(listed, part, len(shards)))
        paths.append([listed["path"][int(row)] for row in rows])
    train, heldout = histograms
    divergences = ExactDivergence(heldout, epsilon).to(train)
    usual = np.sort(divergences, axis=1)[:, 9]
    wanted = {
        (paths[1][row], paths[0][column]): float(divergence)
        for row, of_image in enumerate(divergences)
        for column, divergence in enumerate(of_image)
        if divergence < np.float32(share) * usual[row]
    }
    assert found == pytest.approx(wanted)
    assert len(wanted) > 2 * len(heldout.images)


def test_a_shards_hashes_are_numbered_within_its_list(
    staged: tuple[Staged, Staged], tmp_path: Path
) -> None:
    _, source = staged
    listed = read_images(source.images)
    for shard in range(2):
        hashes = read_hashes([source.files("hashes", "train")[shard]])
        inside = of_shard(listed, "train", shard)
        assert hashes.images.tolist() == list(range(len(inside)))
    assert (
        np.concatenate(
            [read_hashes([path]).images for path in source.files("hashes", "heldout")]
        ).size
        == 0
    )
    missing = ImagesOfShard(tmp_path / "none.csv", "train", 0, source.root, "state")
    with pytest.raises(UserError, match=r"none\.csv"):
        hash_shard(missing, tmp_path / "h.h5")
