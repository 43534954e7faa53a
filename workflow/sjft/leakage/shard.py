"""Leakage, one source shard: its copies of held-out images, and each of these's few nearest."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sjft.data.table import numbers_in_shards, read_images
from sjft.leakage.copies import USUAL_NEIGHBOUR, find_copies, write_copies
from sjft.leakage.hashes import read_hashes
from sjft.retrieval.shard_search import ShardFiles, write_nearest_of_shard
from sjft.settings.retrieval import RetrievalSettings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class HashFiles:
    """Hashes of the target's held-out images, shard by shard, and of one source shard's."""

    heldout: Sequence[Path]
    source: Path


def find_leakage(
    target_images: Path,
    hashes: HashFiles,
    histograms: ShardFiles,
    settings: RetrievalSettings,
    memory: int,
    *,
    copies: Path,
    nearest: Path,
) -> None:
    """Write the ``copies`` in one source shard, and each held-out image's few ``nearest`` images.

    Of ``histograms``, the targets are the held-out images. In the copies, these are rows of the
    target's images.csv, and source images are numbered within the shard. ``memory`` is what the
    search may use, in bytes.
    """
    numbers = numbers_in_shards(read_images(target_images), "heldout", len(hashes.heldout))
    found = find_copies(
        read_hashes(hashes.heldout, numbers),
        read_hashes([hashes.source]),
        settings.leakage.hash_distance,
    )
    LOG.info("%d pairs by content or perceptual hash", len(found))
    write_copies(copies, found)
    write_nearest_of_shard(
        histograms, nearest, settings, shards=1, memory=memory, on_file=USUAL_NEIGHBOUR
    )
