"""pairs.csv: which source image was borrowed for which target image, with rank and divergence.

A row is one of a target image's own K_i neighbours that is in the round's subset: what may stand
beside it in a batch. Ranks are those of the ranking, from 1; one that is missing belongs to a
source class that `least_images_per_class` dropped.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours, read_neighbours
from sjft.selection.subset import Manifest, read_manifest
from sjft.settings.selection import Sources
from sjft.storage.files import write_table

LOG = logging.getLogger(__name__)
PAIRS_SCHEMA: Mapping[str, type[pl.DataType] | pl.DataType] = {
    "target_path": pl.String,
    "target_class": pl.String,
    "rank": pl.Int32,
    "divergence": pl.Float32,
    "source": pl.String,
    "source_path": pl.String,
    "source_class": pl.String,
}


def borrowed(manifest: Manifest, neighbours: Neighbours) -> NDArray[np.bool_]:
    """Which places of the lists are borrowed in a round, bool [targets, kept].

    Raises `UserError` where manifest and neighbour lists do not belong together.
    """
    if not np.array_equal(manifest.targets["image"].to_numpy(), neighbours.targets):
        raise UserError(
            "The round's target images are not those of the neighbour lists. Remove targets.csv "
            "and subset.csv of this round and run again."
        )
    counts = manifest.targets["neighbours"].to_numpy()
    near = np.arange(neighbours.sources.shape[1]) < counts[:, None]
    return near & np.isin(neighbours.sources, manifest.subset["image"].to_numpy())


def pairs_of(manifest: Manifest, neighbours: Neighbours) -> pl.DataFrame:
    """The table of all borrowed pairs, of `PAIRS_SCHEMA`: by target image, nearest first."""
    rows, places = np.nonzero(borrowed(manifest, neighbours))
    chosen = (rows, places)
    targets = manifest.targets.select(
        pl.col("path").alias("target_path"), pl.col("class_name").alias("target_class")
    )
    of_pair = np.searchsorted(manifest.subset["image"].to_numpy(), neighbours.sources[chosen])
    sources = manifest.subset.select(
        "source",
        pl.col("path").alias("source_path"),
        pl.col("class_name").alias("source_class"),
    )
    near = pl.DataFrame(
        {"rank": places + 1, "divergence": neighbours.divergences[chosen]},
        schema={"rank": pl.Int32, "divergence": pl.Float32},
    )
    return targets[rows].hstack(near).hstack(sources[of_pair]).select(list(PAIRS_SCHEMA))


def list_pairs(subset: Path, targets: Path, ranking: Path, output: Path) -> None:
    """Write the pairs of a round's manifest; raises `UserError` where files do not fit."""
    manifest = read_manifest(subset, targets)
    pairs = pairs_of(manifest, read_neighbours(ranking))
    write_table(output, pairs)
    LOG.info("%d pairs of %d target images", len(pairs), len(manifest.targets))


def why_no_pairs(sources: Sources) -> str:
    """Why the rounds of an arm have no pairs.csv, by its source images; empty where they have."""
    reasons: dict[Sources, str] = {
        "none": "it uses no source images",
        "all": "it uses all source images, whatever the target image",
        "random": "its source images are drawn at random, for all target images together",
        "neighbours": "",
    }
    return reasons[sources]
