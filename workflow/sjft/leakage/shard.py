"""Leakage, one source shard: its copies of held-out images, and each of these's few nearest."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sjft.data.table import numbers_in_shards, read_images
from sjft.leakage.copies import find_copies, write_copies
from sjft.leakage.hashes import read_hashes
from sjft.leakage.table import USUAL_NEIGHBOUR
from sjft.retrieval.shard_search import ShardFiles, write_nearest_of_shard
from sjft.settings.retrieval import RetrievalSettings

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LeakageFiles:
    """What is compared: hashes and histograms of the held-out images and of one source shard.

    The target's are in as many shards as it has. ``index`` is what the backend searches besides
    (see `sjft.retrieval.shard_search.search_shard`), ``target_images`` the target's images.csv.
    """

    heldout_hashes: Sequence[Path]
    source_hashes: Path
    heldout: Sequence[Path]
    sources: Path
    index: Sequence[Path]
    target_images: Path


@dataclass(frozen=True)
class FoundFiles:
    """What is written: copies, and each held-out image's few nearest images.

    In the copies, held-out images are rows of the target's images.csv, and source images are
    numbered within the shard.
    """

    copies: Path
    nearest: Path


def find_leakage(
    files: LeakageFiles, output: FoundFiles, settings: RetrievalSettings, memory: int
) -> None:
    """Find what shows a held-out image in one source shard, by hash and among the nearest.

    ``memory`` is what the search may use, in bytes.
    """
    numbers = numbers_in_shards(
        read_images(files.target_images), "heldout", len(files.heldout_hashes)
    )
    found = find_copies(
        read_hashes(files.heldout_hashes, numbers),
        read_hashes([files.source_hashes]),
        settings.leakage.hash_distance,
    )
    LOG.info("%d pairs by content or perceptual hash", len(found))
    write_copies(output.copies, found)
    write_nearest_of_shard(
        ShardFiles(files.heldout, files.sources, files.index),
        output.nearest,
        settings,
        shards=1,
        memory=memory,
        on_file=USUAL_NEIGHBOUR,
    )
