"""Merging: the neighbours of a whole source from those of its shards, with the recall measured."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.data.table import numbers_in_shards, read_images
from sjft.retrieval.histograms import concatenate, read_histograms, rows_of_shards
from sjft.retrieval.neighbours import merge_shards, of_targets, write_neighbours
from sjft.retrieval.recall import recall, require_recall
from sjft.settings.retrieval import RetrievalSettings
from sjft.storage.files import digest_of_file

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class SearchedFiles:
    """What the search left of each shard, what was searched, and the lists of both data sets.

    ``shards`` are the neighbours, ``targets`` and ``sources`` the histograms of the training
    images, all of them shard by shard.
    """

    shards: Sequence[Path]
    targets: Sequence[Path]
    sources: Sequence[Path]
    target_images: Path
    source_images: Path


def merge_neighbours(
    files: SearchedFiles,
    settings: RetrievalSettings,
    decided_by: Mapping[str, Any],
    output: Path,
) -> None:
    """Join the shards' lists to those of the whole source, in the order of both images.csv.

    ``decided_by`` is what of the settings decides the lists, for their file. Raises `UserError`
    where the lists are not of one search, and where the recall is under the configured floor.
    """
    numbers = numbers_in_shards(read_images(files.source_images), "train", len(files.shards))
    merged = merge_shards(files.shards, settings.neighbours_on_file, numbers)
    searched = concatenate([read_histograms(path) for path in files.targets])
    measured = recall(merged, searched, files.sources, numbers, settings)
    LOG.info("recall by depth: %s", measured)
    require_recall(measured, settings)
    of_target = numbers_in_shards(read_images(files.target_images), "train", len(files.targets))
    write_neighbours(
        output,
        of_targets(merged, rows_of_shards(files.targets, of_target)),
        config=decided_by,
        inputs={path.name: digest_of_file(path) for path in files.shards},
        recall=measured,
    )
