"""Leakage: held-out images of the target that stand among the images to train on as well.

Three tests tell such a pair: the same content of the files, perceptual hashes that differ in few
bits, and a divergence of the descriptors near 0. A pair has one row, whatever tests tell it.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.leakage.hashes import ImageHashes
from sjft.leakage.perceptual_hash import BITS, LEAST_DETAIL, hash_distances
from sjft.leakage.table import LEAKAGE_SCHEMA, USUAL_NEIGHBOUR, Schema
from sjft.progress import progress
from sjft.retrieval.neighbours import Neighbours
from sjft.storage.files import read_table, write_table

LOG = logging.getLogger(__name__)
SOURCES_A_BLOCK = 4096
TARGETS_A_BLOCK = 2048
# Of fewer source images the tenth nearest is a far one. Of 10, of which it is the farthest, some
# looked like copies to a third of the held-out textures; of 30 to 1.5 % (docs/leakage.md).
FEWEST_IMAGES = 30
PAIR: Schema = {"target_image": pl.Int32, "source_image": pl.Int32}
COPIES_SCHEMA: Schema = {
    **PAIR,
    "same_file": pl.Boolean,
    "hash_distance": pl.Int32,
    "mirrored": pl.Boolean,
}


def find_copies(targets: ImageHashes, sources: ImageHashes, threshold: int) -> pl.DataFrame:
    """Pairs of one content, or of hashes that differ in ``threshold`` bits at most.

    Returns the columns of `COPIES_SCHEMA`: ``hash_distance`` and ``mirrored`` are null where only
    the content tells, as it does for images without detail: their hash says nothing.
    """
    files = _digests(targets).join(_digests(sources), on="digest", suffix="_of_source")
    same = pl.DataFrame(
        {
            "target_image": files["image"],
            "source_image": files["image_of_source"],
            "same_file": [True] * len(files),
        },
        schema={**PAIR, "same_file": pl.Boolean},
    )
    near = _near_hashes(targets, sources, threshold)
    return (
        same.join(near, on=list(PAIR), how="full", coalesce=True)
        .with_columns(pl.col("same_file").fill_null(False))
        .select(list(COPIES_SCHEMA))
        .sort(*PAIR)
    )


def _digests(hashes: ImageHashes) -> pl.DataFrame:
    return pl.DataFrame(
        {"image": hashes.images, "digest": hashes.digests.astype(str).tolist()},
        schema={"image": pl.Int32, "digest": pl.String},
    )


def _near_hashes(targets: ImageHashes, sources: ImageHashes, threshold: int) -> pl.DataFrame:
    """Compare every pair of images with detail, a block of each at a time."""
    targets = targets.take(targets.detail >= LEAST_DETAIL)
    sources = sources.take(sources.detail >= LEAST_DETAIL)
    schema = {name: COPIES_SCHEMA[name] for name in (*PAIR, "hash_distance", "mirrored")}
    found = [pl.DataFrame(schema=schema)]
    starts = range(0, len(sources.images), SOURCES_A_BLOCK)
    for start in progress(
        starts,
        total=len(sources.images),
        what="copies",
        unit="source images",
        per_item=SOURCES_A_BLOCK,
    ):
        block = sources.bits[start : start + SOURCES_A_BLOCK]
        for first in range(0, len(targets.images), TARGETS_A_BLOCK):
            distance, mirrored = hash_distances(
                targets.bits[first : first + TARGETS_A_BLOCK], block
            )
            rows, columns = np.nonzero(distance <= threshold)
            values = (
                targets.images[first + rows],
                sources.images[start + columns],
                distance[rows, columns].astype(np.int32),
                mirrored[rows, columns],
            )
            found.append(pl.DataFrame(dict(zip(schema, values, strict=True)), schema=schema))
    return pl.concat(found)


def near_zero(neighbours: Neighbours, share: float | None, images: int) -> pl.DataFrame:
    """Pairs of a divergence near 0, by the columns target_image, source_image, divergence.

    Near 0 is less than ``share`` of the divergence of the target image's own tenth nearest source
    image: what is usual depends on bank, epsilon, source and image, and the nearest few may be
    copies. Lists of the ten nearest are enough. None: no pairs; nor are there any where fewer
    source ``images`` than `FEWEST_IMAGES` were searched, of which the tenth nearest is a far one.

    0.2 is a good share: photographs' nearest neighbours that are no copies stay above 0.36 with
    SqueezeNet's first layers and 0.29 with Gabor filters, the demo's above 0.47, while crops and
    mirror images lie near 0.05 with SqueezeNet (near 0.15 with Gabor). What is half the size or a
    fifth brighter or darker may lie beyond: the hash tells these.
    """
    if share and images < FEWEST_IMAGES:
        LOG.info("%d images are too few to tell copies by their divergence", images)
        share = None
    usual = neighbours.divergences[:, :USUAL_NEIGHBOUR][:, -1:]
    rows, places = np.nonzero(neighbours.divergences < (share or 0) * usual)
    return pl.DataFrame(
        {
            "target_image": neighbours.targets[rows],
            "source_image": neighbours.sources[rows, places],
            "divergence": neighbours.divergences[rows, places].astype(np.float64),
        },
        schema={**PAIR, "divergence": pl.Float64},
    ).sort(*PAIR)


def list_leakage(
    copies: Sequence[pl.DataFrame],
    near: pl.DataFrame,
    targets: pl.DataFrame,
    sources: pl.DataFrame,
) -> pl.DataFrame:
    """Join all shards' findings to one row a pair, with the columns of `LEAKAGE_SCHEMA`.

    ``copies`` come from `find_copies`, ``near`` from `near_zero`, ``targets`` and ``sources`` are
    the two images.csv. Sorted by the paths.
    """
    pairs = (
        pl.concat(copies)
        .join(near, on=list(PAIR), how="full", coalesce=True)
        .with_columns(pl.col("same_file").fill_null(False))
        .join(_names(targets, "target"), on="target_image", how="left")
        .join(_names(sources, "source"), on="source_image", how="left")
    )
    reasons = [_reasons(row) for row in pairs.iter_rows(named=True)]
    return (
        pairs.with_columns(pl.Series("reasons", reasons, pl.String))
        .select(pl.col(name).cast(kind) for name, kind in LEAKAGE_SCHEMA.items())
        .sort("target_path", "source_path", "source_split")
    )


def _names(images: pl.DataFrame, side: str) -> pl.DataFrame:
    columns = ("image", "path", "split")
    return images.select(pl.col(name).alias(f"{side}_{name}") for name in columns)


def _reasons(pair: dict[str, Any]) -> str:
    reasons = ["same file"] if pair["same_file"] else []
    if pair["hash_distance"] is not None:
        mirrored = "mirrored, " if pair["mirrored"] else ""
        reasons.append(f"{mirrored}perceptual hash {pair['hash_distance']} of {BITS} bits")
    if pair["divergence"] is not None:
        reasons.append(f"divergence {pair['divergence']:.3g}")
    return "; ".join(reasons)


def write_copies(path: Path, table: pl.DataFrame) -> None:
    """Write what `find_copies` found in one shard."""
    write_table(path, table)


def read_copies(path: Path, numbers: NDArray[np.int32]) -> pl.DataFrame:
    """Read one shard's copies; ``numbers`` are the rows that its source images stand for."""
    table = read_table(path, COPIES_SCHEMA)
    rows = numbers[table["source_image"].to_numpy()]
    return table.with_columns(pl.Series("source_image", rows, pl.Int32))
