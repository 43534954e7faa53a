"""Subsets, their targets, and difficulties, looked into."""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.selection.difficulty import DIFFICULTY_SCHEMA
from sjft.selection.subset import SUBSET_SCHEMA, TARGETS_SCHEMA
from sjft.storage.files import read_table
from sjft.storage.inspection import Inspection, Plot, Values, histogram, table_row
from sjft.storage.sanity import ascending, labels_are_sorted_names, rows_of_table

MOST_CLASSES = 40  # that a plot shows


def inspect_subset(path: Path) -> Inspection:
    """Which source images a round trains on; raises `UserError` for any other file."""
    table = read_table(path, SUBSET_SCHEMA)
    divergence, chosen = pl.col("nearest_divergence"), pl.col("chosen_by")
    unchosen = divergence.is_null() & (chosen == 0)
    near = (divergence >= 0) & divergence.is_finite() & (chosen >= 1)
    names = table["source"].value_counts(sort=True)
    return Inspection(
        kind="subset",
        what="The source images that a round of training uses, with labels numbered anew.",
        sizes={
            "images": len(table),
            "classes": table["class_name"].n_unique(),
            "images by source": dict(names.iter_rows()),
            "chosen by most target images": table["chosen_by"].max(),
        },
        checks=[
            ascending("numbers of images", table["image"].to_numpy()),
            rows_of_table("paths and sources are named", table, _named("path", "source")),
            labels_are_sorted_names(table),
            rows_of_table(
                "who is chosen has a divergence, not negative, and who is not has none",
                table,
                near | unchosen,
            ),
        ],
        image=table_row(table),
        plot=lambda: _plot_of_classes(table),
    )


def _named(*columns: str) -> pl.Expr:
    return pl.all_horizontal((pl.col(name).fill_null("") != "") for name in columns)


def _plot_of_classes(table: pl.DataFrame) -> Plot:
    counted = (
        table.group_by("class_name").len().sort(["len", "class_name"], descending=[True, False])
    )
    rows = [{"class": name, "images": n} for name, n in counted.head(MOST_CLASSES).iter_rows()]
    most = f", the {MOST_CLASSES} largest of {len(counted)}" if len(counted) > MOST_CLASSES else ""
    return Plot(
        f"Images by source class{most}",
        rows,
        ("class", "class"),
        ("images", "images"),
        discrete=True,
    )


def inspect_targets(path: Path) -> Inspection:
    """The target images of a round, and how many neighbours each brings; raises `UserError`."""
    table = read_table(path, TARGETS_SCHEMA)
    level = pl.col("sampling_level")
    counts = table["neighbours"].to_numpy()
    return Inspection(
        kind="targets",
        what="The target images that a round of training uses: how many neighbours each brings "
        "(K_i), and how often it is drawn.",
        sizes={
            "images": len(table),
            "classes": table["class_name"].n_unique(),
            "neighbours, least to most": [int(counts.min()), int(counts.max())]
            if len(table)
            else [],
            "sampling levels": dict(
                table["sampling_level"].value_counts().sort("sampling_level").iter_rows()
            ),
        },
        checks=[
            ascending("numbers of images", table["image"].to_numpy()),
            rows_of_table("paths are named", table, _named("path")),
            labels_are_sorted_names(table, dense=False),
            rows_of_table(
                "numbers of neighbours are not negative", table, pl.col("neighbours") >= 0
            ),
            rows_of_table(
                "sampling levels are at least 1", table, level.is_finite() & (level >= 1)
            ),
            rows_of_table("each is drawn once or more", table, pl.col("draws") >= 1),
        ],
        image=table_row(table),
        plot=lambda: _plot_of_numbers("Target images by the neighbours they bring", counts, "K_i"),
    )


def _plot_of_numbers(title: str, values: NDArray[np.generic], what: str) -> Plot:
    return Plot(title, histogram(values), ("value", what), ("number", "target images"))


def inspect_difficulty(path: Path) -> Inspection:
    """How hard a round found the target images; raises `UserError` for any other file."""
    table = read_table(path, DIFFICULTY_SCHEMA)
    entropy, probability = pl.col("entropy"), pl.col("probability")
    # The labelled class alone adds so much to the entropy; the sum was taken in float32.
    own_part = -probability * pl.when(probability > 0).then(probability.log()).otherwise(0.0)
    right = pl.col("correct") == (pl.col("label") == pl.col("predicted"))
    sizes: Values = {
        "images": len(table),
        "right": int(table["correct"].sum()),
        "wrong": int((~table["correct"]).sum()),
        "mean entropy, nat": table["entropy"].mean(),
    }
    return Inspection(
        kind="difficulty",
        what="How hard each target image is for the network of a round: what K_i grows by.",
        sizes=sizes,
        checks=[
            ascending("numbers of images", table["image"].to_numpy()),
            rows_of_table(
                "probabilities lie between 0 and 1", table, probability.is_between(0, 1.00001)
            ),
            rows_of_table(
                "entropies are not negative", table, (entropy >= 0) & entropy.is_finite()
            ),
            rows_of_table("right is who is predicted as labelled", table, right),
            rows_of_table(
                "an entropy is no less than that of the probability alone",
                table,
                entropy >= own_part - 1e-5,
            ),
        ],
        image=table_row(table),
        plot=lambda: _plot_of_numbers(
            "Target images by the entropy of their probabilities",
            table["entropy"].to_numpy(),
            "nat",
        ),
    )
