"""The two ways to search a shard by the divergence: every pair, or an index's candidates."""

import logging

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.progress import progress
from sjft.retrieval.blocks import SOURCES_A_BLOCK, TARGETS_A_GROUP, Sizes, exact_blocks, fits_beside
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.grouping import groups_of_similar
from sjft.retrieval.histograms import HistogramFile, Histograms
from sjft.retrieval.index.backend import VectorIndex
from sjft.retrieval.nearest import InMemory, OnFile, SourceImages, rank
from sjft.retrieval.neighbours import Neighbours, one_after_another
from sjft.retrieval.product import Device

LOG = logging.getLogger(__name__)


def search_exactly(
    targets: Histograms,
    sources: Histograms | HistogramFile,
    kept: int,
    epsilon: float,
    memory: int | None = None,
    device: Device = "cpu",
) -> Neighbours:
    """Compare every pair, a block of source images at a time; keep the ``kept`` nearest.

    Blocks are cut for ``memory`` bytes; without it, all targets at once.
    """
    images = len(targets.images)
    rows, block = images, SOURCES_A_BLOCK
    sizes = Sizes(images, targets.counts[0].size, targets.counts.itemsize)
    if memory is not None:
        rows, block = exact_blocks(memory, sizes, kept, len(sources.images))
    LOG.info("exact search: %d target images and %d source images a block", rows, block)
    if isinstance(sources, HistogramFile):
        shard = Sizes(len(sources.images), sizes.bins, sizes.item_bytes)
        if fits_beside(memory, sizes, shard, kept, rows):
            sources = sources.read()
    images_there = OnFile(sources) if isinstance(sources, HistogramFile) else InMemory(sources)
    parts = [
        _search_block(ExactDivergence(part, epsilon, device), images_there, kept, block)
        for part in targets.blocks(rows)
    ]
    return one_after_another(parts)


def _search_block(
    divergence: ExactDivergence, sources: SourceImages, kept: int, block: int
) -> Neighbours:
    watched = progress(
        sources.blocks(block),
        total=len(sources.images),
        what="search",
        unit="source images",
        per_item=block,
    )
    return rank(divergence, sources, kept, block, watched)


def search_candidates(
    targets: Histograms,
    vectors: NDArray[np.float32],
    sources: Histograms,
    index: VectorIndex,
    kept: int,
    candidates: int,
    epsilon: float,
    device: Device = "cpu",
) -> Neighbours:
    """Ask the index for candidates, compare them by the exact divergence, keep the nearest.

    Target images are taken in groups of similar ones. All of a group's candidates are compared
    with all of the group by one matrix product, which costs less than each one's own pair by
    pair, and lets an image find what the index has named to its likes only. Raises `UserError` for
    an index that gives fewer candidates than it is asked for, or others than there are.
    """
    groups = groups_of_similar(vectors, TARGETS_A_GROUP)
    parts, compared, room = [], 0, None
    for group in progress(
        groups,
        total=len(targets.images),
        what="search",
        unit="target images",
        per_item=TARGETS_A_GROUP,
    ):
        found = _asked(index, vectors[group], candidates, len(sources.images))
        rows = np.unique(found).astype(np.intp)
        divergence = ExactDivergence(targets.take(group), epsilon, device, room)
        parts.append(rank(divergence, InMemory(sources, rows), kept, SOURCES_A_BLOCK))
        room = divergence.room
        compared += len(rows) * len(group)
    pairs = max(1, len(targets.images) * len(sources.images))
    LOG.info("%.3f of all pairs were compared", compared / pairs)
    return one_after_another(parts).take(np.argsort(np.concatenate(groups)))


def _asked(
    index: VectorIndex, vectors: NDArray[np.float32], number: int, items: int
) -> NDArray[np.int32]:
    """An index's candidates, int32 [vectors, number], or all ``items`` of a smaller shard.

    Too few would make shorter lists, and a row of -1 name the last image, without a word.
    """
    found = np.asarray(index.candidates(vectors, number))
    wanted, index_named = (len(vectors), min(number, items)), f"The index {type(index).__name__}"
    if found.shape != wanted or found.dtype.kind not in "iu":
        raise UserError(
            f"{index_named} gives candidates as {found.dtype} {list(found.shape)}; it was asked "
            f"for int32 {list(wanted)}: the rows of so many items, for each vector. Mend its "
            "`candidates`."
        )
    ordered = np.sort(found, axis=1)
    wrong = ordered[(ordered < 0) | (ordered >= items)]
    if wrong.size:
        raise UserError(
            f"{index_named} names the row {wrong[0]}; the shard has rows from 0 to {items - 1}. "
            "Mend its `candidates`, or remove the index and build it again."
        )
    if (ordered[:, 1:] == ordered[:, :-1]).any():
        raise UserError(
            f"{index_named} names a row twice to one vector. Mend its `candidates`: each is "
            "another one."
        )
    return found
