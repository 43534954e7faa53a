"""Subset manifests: which source images a round of training uses, and how many each target brings.

``subset.csv`` lists the chosen source images with their renumbered labels; ``targets.csv`` lists
the target's usable training images with their K_i, the sampling level that it comes from, and how
often each is drawn in an epoch.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours
from sjft.settings.selection import SelectionSettings
from sjft.storage.files import read_table, stable_integer, write_table

LOG = logging.getLogger(__name__)
Numbers = NDArray[np.int64] | NDArray[np.float64]
Schema = dict[str, type[pl.DataType] | pl.DataType]
SUBSET_SCHEMA: Schema = {
    "image": pl.Int32,
    "source": pl.String,
    "path": pl.String,
    "label": pl.Int32,
    "class_name": pl.String,
    "style": pl.String,
    "chosen_by": pl.Int32,
    "nearest_divergence": pl.Float32,
}
TARGETS_SCHEMA: Schema = {
    "image": pl.Int32,
    "path": pl.String,
    "label": pl.Int32,
    "class_name": pl.String,
    "style": pl.String,
    "neighbours": pl.Int32,
    "sampling_level": pl.Float64,
    "draws": pl.Int32,
}


@dataclass(frozen=True)
class Manifest:
    """Tables of `SUBSET_SCHEMA` and `TARGETS_SCHEMA`."""

    subset: pl.DataFrame
    targets: pl.DataFrame


def initial_levels(targets: int) -> NDArray[np.float64]:
    """Sampling levels of the first round, float64 [targets]: 1."""
    return np.ones(targets, np.float64)


def grown_levels(
    levels: NDArray[np.float64],
    correct: NDArray[np.bool_],
    entropy: NDArray[np.float64],
    settings: SelectionSettings,
) -> NDArray[np.float64]:
    """Sampling levels of the next round, float64 [targets] (paper, section 3.4).

    A misclassified image's level grows by 4, that of one right but uncertain (entropy of at least
    delta) by 2, others stay; all are capped at the highest level.
    """
    growth = np.where(
        ~correct,
        settings.growth_misclassified,
        np.where(entropy >= settings.entropy_threshold, settings.growth_uncertain, 0.0),
    )
    return np.minimum(levels + growth, settings.highest_sampling_level)


def neighbour_counts(
    levels: NDArray[np.float64], settings: SelectionSettings, on_file: int
) -> NDArray[np.int64]:
    """K_i, int64 [targets]: the level times K_0, capped at the number of neighbours on file."""
    counts = np.round(levels * settings.initial_neighbours).astype(np.int64)
    return np.minimum(counts, on_file)


def select_neighbours(
    targets: pl.DataFrame,
    sources: pl.DataFrame,
    neighbours: Neighbours,
    levels: NDArray[np.float64],
    settings: SelectionSettings,
) -> Manifest:
    """The union of each target image's first K_i neighbours (the arm `selective`).

    ``targets`` are rows of images.csv in the order of ``neighbours``, ``sources`` rows of
    `sjft.retrieval.ranking.side_by_side`; ``levels`` float64 [targets]. Where hard images are to be
    drawn more often, each comes as often as its level says, rounded. Raises `UserError` where
    dropping small classes leaves a target image without a neighbour.
    """
    on_file = neighbours.sources.shape[1]
    if on_file < settings.initial_neighbours:
        LOG.warning(
            "each target image brings %d neighbours in the place of %d "
            "(selection.initial_neighbours): so many are left. Raise neighbours_on_file, or lower "
            "initial_neighbours",
            *(on_file, settings.initial_neighbours),
        )
    counts = neighbour_counts(levels, settings, on_file)
    chosen = np.arange(on_file) < counts[:, None]
    pairs = pl.DataFrame(
        {"image": neighbours.sources[chosen], "divergence": neighbours.divergences[chosen]},
        schema={"image": pl.Int32, "divergence": pl.Float32},
    )
    union = pairs.group_by("image").agg(
        pl.len().cast(pl.Int32).alias("chosen_by"),
        pl.col("divergence").min().alias("nearest_divergence"),
    )
    borrowed = sources.join(union, on="image")
    subset = _renumbered(borrowed, settings.least_images_per_class)
    _tell_of_dropped(borrowed, subset, settings.least_images_per_class)
    usable = np.isin(neighbours.sources, subset["image"].to_numpy()) & chosen
    alone = np.flatnonzero(~usable.any(axis=1))
    if len(alone):
        raise UserError(
            f"{targets['path'][int(alone[0])]}: no usable neighbour is left to this target image "
            f"({len(alone)} such). Lower selection.least_images_per_class "
            f"({settings.least_images_per_class}) or raise selection.initial_neighbours "
            f"({settings.initial_neighbours})."
        )
    draws = np.round(levels) if settings.draw_hard_images_more else np.ones_like(levels)
    return Manifest(subset, _with_counts(targets, counts, levels, np.maximum(draws, 1)))


def select_at_random(
    targets: pl.DataFrame, sources: pl.DataFrame, number: int, seed: int
) -> Manifest:
    """``number`` source images drawn at random (the arm `random-source`).

    Images are drawn in the order of a seeded hash, so that a later round's larger subset holds
    the earlier one.
    """
    names = sources.select("source", "path").iter_rows()
    order = np.argsort([stable_integer("random-source", seed, *name) for name in names])
    return select_all(targets, sources[order[:number]])


def select_all(targets: pl.DataFrame, sources: pl.DataFrame) -> Manifest:
    """All of ``sources`` (the arm `all-source`), or none (`fine-tune`: no rows)."""
    chosen = sources.with_columns(
        pl.lit(0, pl.Int32).alias("chosen_by"),
        pl.lit(None, pl.Float32).alias("nearest_divergence"),
    )
    once = initial_levels(len(targets))
    return Manifest(_renumbered(chosen, 1), _with_counts(targets, 0 * once, once, once))


def _tell_of_dropped(borrowed: pl.DataFrame, subset: pl.DataFrame, least: int) -> None:
    classes = borrowed["class_name"].unique()
    dropped = sorted(classes.filter(~classes.is_in(subset["class_name"].unique().implode())))
    if dropped:
        LOG.info(
            "%d of %d source classes have fewer than %d selected images and are dropped, with %d "
            "images: %s",
            *(len(dropped), len(classes), least, len(borrowed) - len(subset), ", ".join(dropped)),
        )


def _renumbered(chosen: pl.DataFrame, least: int) -> pl.DataFrame:
    """Drop classes with fewer than ``least`` images and number the others' labels from 0."""
    kept = chosen.filter(pl.len().over("class_name") >= least).sort("image")
    labels = {name: label for label, name in enumerate(sorted(set(kept["class_name"])))}
    return kept.with_columns(
        pl.col("class_name").replace_strict(labels, return_dtype=pl.Int32).alias("label")
        if labels
        else pl.col("label")
    ).select(list(SUBSET_SCHEMA))


def _with_counts(
    targets: pl.DataFrame, counts: Numbers, levels: Numbers, draws: Numbers
) -> pl.DataFrame:
    return targets.with_columns(
        pl.Series("neighbours", counts.astype(np.int32)),
        pl.Series("sampling_level", levels.astype(np.float64)),
        pl.Series("draws", draws.astype(np.int32)),
    ).select(list(TARGETS_SCHEMA))


def usable_images(images: pl.DataFrame, skipped: Sequence[Path]) -> pl.DataFrame:
    """The target's training rows of images.csv without those that extraction skipped.

    Raises `UserError` where they are of fewer than two classes.
    """
    left_out = [path for file in skipped for path in read_skipped(file)["path"]]
    usable = images.filter((pl.col("split") == "train") & ~pl.col("path").is_in(left_out))
    classes = usable["class_name"].unique().to_list()
    if len(classes) < 2:
        raise UserError(
            f"The target's {len(usable)} training images are of {len(classes)} class(es)"
            f"{': ' + classes[0] if classes else ''}. There is nothing to tell apart: look at the "
            "data set's folders and splits, and at what extraction skipped."
        )
    return usable


def read_skipped(path: Path) -> pl.DataFrame:
    """Read a shard's list of skipped images: path and reason."""
    return read_table(path, {"path": pl.String, "reason": pl.String})


def write_manifest(manifest: Manifest, subset: Path, targets: Path) -> None:
    """Write both tables."""
    write_table(subset, manifest.subset)
    write_table(targets, manifest.targets)


def read_targets(path: Path) -> pl.DataFrame:
    """Read targets.csv; raises `UserError` for any other file."""
    return read_table(path, TARGETS_SCHEMA).with_columns(pl.col("style").fill_null(""))


def read_selected(path: Path) -> pl.DataFrame:
    """Read subset.csv; raises `UserError` for any other file."""
    return read_table(path, SUBSET_SCHEMA).with_columns(pl.col("style").fill_null(""))


def read_manifest(subset: Path, targets: Path) -> Manifest:
    """Read both tables; raises `UserError` for any others."""
    return Manifest(read_selected(subset), read_targets(targets))
