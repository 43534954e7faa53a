"""Duplicates: the target's held-out images that stand among its own training images as well."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.data.table import numbers_in_shards, read_images
from sjft.leakage.copies import find_copies, list_leakage, near_zero
from sjft.leakage.hashes import ImageHashes, read_hashes
from sjft.leakage.table import USUAL_NEIGHBOUR, count_leakage, write_leakage
from sjft.retrieval.histograms import Histograms, concatenate, read_histograms, rows_of_shards
from sjft.retrieval.neighbours import of_targets
from sjft.retrieval.search import search_exactly
from sjft.settings.retrieval import RetrievalSettings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PartFiles:
    """Hashes and histograms of both parts of a data set, shard by shard, and its images.csv."""

    train_hashes: Sequence[Path]
    heldout_hashes: Sequence[Path]
    train: Sequence[Path]
    heldout: Sequence[Path]
    images: Path


@dataclass(frozen=True)
class _Part:
    hashes: ImageHashes
    histograms: Histograms
    rows: NDArray[np.int32]


def find_duplicates(
    files: PartFiles, settings: RetrievalSettings, memory: int, output: Path
) -> None:
    """Write which training images of a data set show one of its held-out images, and why.

    ``memory`` is what the search may use, in bytes.
    """
    listed = read_images(files.images)
    training = _read(files.train_hashes, files.train, "train", listed)
    tested = _read(files.heldout_hashes, files.heldout, "heldout", listed)
    # A target is small enough to compare all pairs.
    nearest = search_exactly(
        tested.histograms,
        training.histograms,
        min(USUAL_NEIGHBOUR, len(training.histograms.images)),
        settings.epsilon,
        memory,
        settings.device,
    )
    nearest = replace(nearest, sources=training.rows[nearest.sources])
    found = list_leakage(
        [find_copies(tested.hashes, training.hashes, settings.leakage.hash_distance)],
        near_zero(
            of_targets(nearest, tested.rows),
            settings.leakage.divergence_share,
            len(training.histograms.images),
        ),
        listed,
        listed,
    )
    LOG.info("duplicates of held-out images in the training images: %s", count_leakage(found))
    write_leakage(output, found)


def _read(
    hashes: Sequence[Path], histograms: Sequence[Path], part: str, images: pl.DataFrame
) -> _Part:
    numbers = numbers_in_shards(images, part, len(histograms))
    return _Part(
        read_hashes(hashes, numbers),
        concatenate([read_histograms(path) for path in histograms]),
        rows_of_shards(histograms, numbers),
    )
