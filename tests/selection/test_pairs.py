"""Pairs: which source image was borrowed for which target image."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from small import images_table, random_neighbours, source_table

from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours
from sjft.selection.pairs import PAIRS_SCHEMA, pairs_of, why_no_pairs
from sjft.selection.subset import Manifest, select_neighbours
from sjft.settings.selection import SelectionSettings
from sjft.storage.files import read_table, write_table
from sjft.training.pairing import own_neighbours

SOURCES = source_table([2, 2, 5, 5, 5, 7, 7, 9] * 5, folder="source")
TARGETS = images_table([0, 1] * 4, folder="target")
LISTS = random_neighbours(1, 8, 40, 12)
LEVELS = np.array([1, 2, 4, 1, 1, 3, 1, 2], float)


def manifest(**changes: int) -> Manifest:
    settings = SelectionSettings(initial_neighbours=3, **changes)
    return select_neighbours(TARGETS, SOURCES, LISTS, LEVELS, settings)


def test_each_target_image_has_its_own_neighbours_nearest_first() -> None:
    pairs = pairs_of(manifest(), LISTS)
    assert len(pairs) == int((3 * LEVELS).sum())
    for row, path in enumerate(TARGETS["path"]):
        own = pairs.filter(pl.col("target_path") == path)
        k = int(3 * LEVELS[row])
        assert own["rank"].to_list() == list(range(1, k + 1))
        assert own["source_path"].to_list() == [f"source/{n}.png" for n in LISTS.sources[row, :k]]
        assert own["divergence"].to_list() == LISTS.divergences[row, :k].tolist()
        assert set(own["target_class"]) == {TARGETS["class_name"][row]}
        classes = dict(zip(SOURCES["path"], SOURCES["class_name"], strict=True))
        assert own["source_class"].to_list() == [classes[p] for p in own["source_path"]]
    assert set(pairs["source"]) == {"store"}


def test_pairs_are_what_training_may_draw() -> None:
    """Also where small classes are dropped: ranks then have gaps."""
    for least in (1, 6):
        chosen = manifest(least_images_per_class=least)
        pairs, drawn = pairs_of(chosen, LISTS), own_neighbours(chosen, LISTS)
        assert pairs["source_path"].to_list() == chosen.subset["path"].gather(drawn.rows).to_list()
        counted = pairs.group_by("target_path", maintain_order=True).len()["len"].to_list()
        assert counted == drawn.number.tolist()
    assert len(pairs) < int((3 * LEVELS).sum()), "no class was dropped: the test shows nothing"


def test_counts_agree_with_the_subset() -> None:
    chosen = manifest()
    counted = (
        pairs_of(chosen, LISTS)
        .group_by("source_path")
        .agg(
            pl.len().cast(pl.Int32).alias("chosen_by"),
            pl.col("divergence").min().alias("nearest_divergence"),
        )
    )
    both = chosen.subset.select(
        pl.col("path").alias("source_path"), "chosen_by", "nearest_divergence"
    )
    assert counted.sort("source_path").equals(both.sort("source_path"))


def test_pairs_are_read_as_written(tmp_path: Path) -> None:
    pairs = pairs_of(manifest(), LISTS)
    write_table(tmp_path / "pairs.csv", pairs)
    assert read_table(tmp_path / "pairs.csv", dict(PAIRS_SCHEMA)).equals(pairs)


def test_lists_of_other_target_images_are_refused() -> None:
    others = Neighbours(LISTS.targets[::-1], LISTS.sources, LISTS.divergences)
    with pytest.raises(UserError, match=r"not those of the neighbour lists\. Remove targets\.csv"):
        pairs_of(manifest(), others)


def test_an_arm_without_own_neighbours_says_why_it_has_no_pairs() -> None:
    assert why_no_pairs("neighbours") == ""
    assert "no source images" in why_no_pairs("none")
    assert "at random" in why_no_pairs("random")
    assert "all source images" in why_no_pairs("all")
