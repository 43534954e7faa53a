"""leakage.csv: which source images show an image that is held out, and why that is thought."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from sjft.storage.files import read_table, write_table

# Whose divergence says how near an image's neighbours usually are.
USUAL_NEIGHBOUR = 10
# So near no two images were whose hashes were looked at, however alike: of hands before one wall
# the nearest differ in 43 bits (docs/leakage.md).
SURE_BITS = 40
Schema = dict[str, type[pl.DataType] | pl.DataType]
LEAKAGE_SCHEMA: Schema = {
    "target_path": pl.String,
    "target_split": pl.String,
    "source_path": pl.String,
    "source_split": pl.String,
    "reasons": pl.String,
    "same_file": pl.Boolean,
    "hash_distance": pl.Int32,
    "mirrored": pl.Boolean,
    "divergence": pl.Float64,
}


def write_leakage(path: Path, table: pl.DataFrame) -> None:
    """Write leakage.csv."""
    write_table(path, table)


def read_leakage(path: Path) -> pl.DataFrame:
    """Read leakage.csv; raises `UserError` for any other file."""
    return read_table(path, LEAKAGE_SCHEMA)


def words_on_doubt(counts: Mapping[str, int]) -> str:
    """What to do about held-out images that are in doubt, by `count_leakage`; nothing if none is.

    Nothing as well where summaries of an older version do not count them.
    """
    images = counts.get("in_doubt", 0)
    if not images:
        return ""
    return (
        f" {images} of them by a perceptual hash of more than {SURE_BITS} bits alone, which images "
        "that are much alike have as well: look at the pairs, which the report shows, and where "
        f"they are no copies, set the retrieval's `leakage: {{hash_distance: {SURE_BITS}}}`."
    )


def images_to_exclude(table: pl.DataFrame) -> set[str]:
    """Paths of the source images that match a held-out image."""
    return set(table["source_path"])


def in_doubt() -> pl.Expr:
    """Whether a pair is told by hashes alone that differ in more than `SURE_BITS`."""
    by_hash_alone = ~pl.col("same_file") & pl.col("divergence").is_null()
    return by_hash_alone & (pl.col("hash_distance") > SURE_BITS)


def count_leakage(table: pl.DataFrame) -> dict[str, int]:
    """Held-out images with a match, source images that match, and these by reason.

    A source image with several reasons counts for each of them. ``in_doubt`` are the held-out
    images all of whose pairs are.
    """
    sure = table.filter(~in_doubt())["target_path"].n_unique()
    by_hash = pl.col("hash_distance").is_not_null()
    reasons = {
        "same_file": pl.col("same_file"),
        "perceptual_hash": by_hash & ~pl.col("mirrored"),
        "mirrored": by_hash & pl.col("mirrored"),
        "divergence": pl.col("divergence").is_not_null(),
    }
    return {
        "pairs": len(table),
        "target_images": table["target_path"].n_unique(),
        "in_doubt": table["target_path"].n_unique() - sure,
        "source_images": table["source_path"].n_unique(),
        **{name: table.filter(told)["source_path"].n_unique() for name, told in reasons.items()},
    }
