"""images.csv: every image of a data set, with its label, split and shard.

Apart from the listing, so that a change to a reader concerns the listing alone and not every stage
that reads its result.
"""

from pathlib import Path

import polars as pl

from sjft.files import read_table, write_table

IMAGES_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "image": pl.Int32,
    "path": pl.String,
    "label": pl.Int32,
    "class_name": pl.String,
    "split": pl.String,
    "style": pl.String,
    "shard": pl.Int32,
}


def write_images(path: Path, table: pl.DataFrame) -> None:
    """Write images.csv."""
    write_table(path, table)


def read_images(path: Path) -> pl.DataFrame:
    """Read images.csv; an empty style is an empty string."""
    return read_table(path, IMAGES_SCHEMA).with_columns(pl.col("style").fill_null(""))


def class_names(images: pl.DataFrame) -> list[str]:
    """The class names in the order of their labels."""
    return images.unique("label").sort("label")["class_name"].to_list()
