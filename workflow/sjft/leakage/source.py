"""Leakage, a whole source: what was found in all of its shards, one row a pair of images."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sjft.data.table import numbers_in_shards, read_images
from sjft.leakage.copies import list_leakage, near_zero, read_copies
from sjft.leakage.table import USUAL_NEIGHBOUR, count_leakage, write_leakage
from sjft.retrieval.histograms import rows_of_shards
from sjft.retrieval.neighbours import merge_shards, of_targets

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundInShards:
    """What `sjft.leakage.shard.find_leakage` wrote for each of the source's shards."""

    copies: Sequence[Path]
    nearest: Sequence[Path]


def merge_leakage(
    found: FoundInShards,
    heldout: Sequence[Path],
    target_images: Path,
    source_images: Path,
    divergence_share: float | None,
    output: Path,
) -> None:
    """Write leakage.csv: which images of a source show a held-out image of the target, and why.

    ``heldout`` are the held-out images' histograms, shard by shard; ``divergence_share`` is
    `near_zero`'s.
    """
    targets, sources = read_images(target_images), read_images(source_images)
    numbers = numbers_in_shards(sources, "train", len(found.copies))
    nearest = merge_shards(found.nearest, USUAL_NEIGHBOUR, numbers)
    rows = rows_of_shards(heldout, numbers_in_shards(targets, "heldout", len(heldout)))
    listed = list_leakage(
        [read_copies(path, of_shard) for path, of_shard in zip(found.copies, numbers, strict=True)],
        near_zero(of_targets(nearest, rows), divergence_share, sum(map(len, numbers))),
        targets,
        sources,
    )
    LOG.info("leakage: %s", count_leakage(listed))
    write_leakage(output, listed)
