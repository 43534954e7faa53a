"""What one round borrowed: each K_i, the most borrowed images, and the classes that give most."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from sjft.reports.explorer.inputs import RoundFiles
from sjft.retrieval.neighbours import Neighbours
from sjft.selection.difficulty import read_difficulty
from sjft.selection.pairs import borrowed
from sjft.selection.subset import read_manifest

MOST_BORROWED = 120  # images that are named
CLASSES_A_CLASS = 5  # source classes that are named of a target class


@dataclass(frozen=True)
class Borrowing:
    """One round, over all of its target images.

    ``difficulty`` and ``targets`` have a row for each, in the order of the ranking. ``classes`` has
    columns class_name, images (of the subset) and pairs; ``by_target_class`` names for each target
    class the source classes that give it most, with the number of pairs.
    """

    files: RoundFiles
    targets: pl.DataFrame
    difficulty: pl.DataFrame
    subset: pl.DataFrame
    most_borrowed: pl.DataFrame
    classes: pl.DataFrame
    by_target_class: Mapping[str, list[tuple[str, int]]]
    pairs: int


def read_borrowing(files: RoundFiles, neighbours: Neighbours) -> Borrowing:
    """Read a round; raises `UserError` where it does not belong to the ranking."""
    manifest = read_manifest(files.subset, files.targets)
    rows, places = np.nonzero(borrowed(manifest, neighbours))
    subset = manifest.subset
    of_pair = np.searchsorted(subset["image"].to_numpy(), neighbours.sources[rows, places])
    names = pl.DataFrame(
        {
            "target_class": manifest.targets["class_name"].gather(rows),
            "class_name": subset["class_name"].gather(of_pair),
        }
    )
    pairs = names.group_by("class_name").agg(pl.len().alias("pairs"))
    classes = (
        subset.group_by("class_name")
        .agg(pl.len().alias("images"))
        .join(pairs, on="class_name", how="left")
    )
    return Borrowing(
        files,
        manifest.targets,
        read_difficulty(files.difficulty),
        subset,
        subset.sort(["chosen_by", "image"], descending=[True, False]).head(MOST_BORROWED),
        classes.sort(["pairs", "class_name"], descending=[True, False]),
        _by_target_class(names),
        len(rows),
    )


def _by_target_class(names: pl.DataFrame) -> dict[str, list[tuple[str, int]]]:
    counted = (
        names.group_by("target_class", "class_name")
        .agg(pl.len().alias("pairs"))
        .sort(["target_class", "pairs", "class_name"], descending=[False, True, False])
    )
    return {
        str(target): list(of_class.select("class_name", "pairs").head(CLASSES_A_CLASS).rows())
        for (target,), of_class in counted.group_by("target_class", maintain_order=True)
    }
