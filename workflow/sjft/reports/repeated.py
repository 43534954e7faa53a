"""Borrowed images that bring nothing new: the target's own, and one image under two names.

Told by the content of the files alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.data.table import numbers_in_shards
from sjft.leakage.digests import read_digests


@dataclass(frozen=True)
class Contents:
    """Digests of the files to train on, S32; empty for what is not known.

    ``own`` [images]: the target's. ``sources`` [images]: by the numbers that
    `sjft.retrieval.ranking.side_by_side` gives.
    """

    own: NDArray[np.bytes_]
    sources: NDArray[np.bytes_]


@dataclass(frozen=True)
class HashedImages:
    """A data set's images.csv, and the hash files of its training images, shard by shard."""

    images: pl.DataFrame
    shards: Sequence[Path]

    def digests(self) -> NDArray[np.bytes_]:
        """By the rows of images.csv; raises `UserError` for a file that is no hash file."""
        numbers = numbers_in_shards(self.images, "train", len(self.shards))
        return read_digests(self.shards, numbers, len(self.images))


def contents_of(target: HashedImages, sources: Sequence[HashedImages]) -> Contents:
    """Of a target and its ``sources``, in their order."""
    return Contents(target.digests(), np.concatenate([source.digests() for source in sources]))


def count_repeated(subset: pl.DataFrame, contents: Contents | None) -> dict[str, int | None]:
    """How many images of a subset are the target's own, and how many others come once more.

    Of three names of one image two count. None where ``contents`` is: nothing was looked for.
    """
    if contents is None:
        return {"own_images": None, "repeated_images": None}
    digests = contents.sources[subset["image"].to_numpy()]
    digests = digests[digests != b""]
    own = np.isin(digests, contents.own)
    others = digests[~own]
    return {"own_images": int(own.sum()), "repeated_images": len(others) - len(np.unique(others))}


def lines_on_repeated(arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """How much of what each arm borrowed is nothing new; nothing is said where all is.

    ``arms`` are a summary's; told is of each one's first seed. Older summaries have no counts.
    """
    found = {arm: _words(values["runs"][0]) for arm, values in arms.items()}
    told = "; ".join(f"{arm} {words}" for arm, words in found.items() if words)
    if not told:
        return []
    advice = "What the target has anyway, or a source has twice, teaches nothing new"
    return [f"The same files: {told}. {advice}: take them out of the source."]


def _words(run: Mapping[str, Any]) -> str:
    counts = [
        (run.get("own_images"), "of the target's own training images"),
        (run.get("repeated_images"), "of another one once more"),
    ]
    parts = [f"{number:,} {what}" for number, what in counts if number]
    return f"borrowed {' and '.join(parts)}" if parts else ""
