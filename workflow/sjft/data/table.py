"""images.csv: every image of a data set, with its label, split, shard, size and time.

Apart from the listing, so that a change to a reader concerns the listing alone and not every stage
that reads its result.

What is computed image by image is kept by *part* (the training images, or those held out) and by
shard, and numbers the images within that list: an image that is added, removed or replaced
concerns its own shard, and moves the numbers of no other.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.storage.files import read_table, write_table

IMAGES_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "image": pl.Int32,
    "path": pl.String,
    "label": pl.Int32,
    "class_name": pl.String,
    "split": pl.String,
    "style": pl.String,
    "shard": pl.Int32,
    "bytes": pl.Int64,
    "modified": pl.Int64,
    "digest": pl.String,
}
# The training images, and those that are never trained on: the splits val and test.
PARTS = ("train", "heldout")


def write_images(path: Path, table: pl.DataFrame) -> None:
    """Write images.csv."""
    write_table(path, table)


def read_images(path: Path) -> pl.DataFrame:
    """Read images.csv; an empty style or digest is an empty string."""
    return read_table(path, IMAGES_SCHEMA).with_columns(pl.col("style", "digest").fill_null(""))


def class_names(images: pl.DataFrame) -> list[str]:
    """The class names in the order of their labels."""
    return images.unique("label").sort("label")["class_name"].to_list()


def of_part(images: pl.DataFrame, part: str) -> pl.DataFrame:
    """The rows of one of `PARTS`, in their order."""
    train = pl.col("split") == "train"
    return images.filter(train if part == "train" else ~train)


def of_shard(images: pl.DataFrame, part: str, shard: int) -> pl.DataFrame:
    """The rows of one part and shard: the list within which a shard's files number its images."""
    return of_part(images, part).filter(pl.col("shard") == shard)


def numbers_in_shards(images: pl.DataFrame, part: str, shards: int) -> list[NDArray[np.int32]]:
    """For each shard, the rows of images.csv in the order of the shard's own list.

    The list is gone through once, and not once for each shard: both grow together.
    """
    listed = of_part(images, part)
    of_row = listed["shard"].to_numpy()
    order = np.argsort(of_row, kind="stable")
    cuts = np.searchsorted(of_row[order], np.arange(shards + 1))
    numbers = listed["image"].to_numpy()[order]
    return [numbers[start:end] for start, end in pairwise(cuts)]
