"""Search of one source shard: its nearest images to every target image, by the divergence."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sjft.progress import progress
from sjft.retrieval.blocks import SOURCES_A_BLOCK, TARGETS_A_GROUP, Sizes, exact_blocks, fits_beside
from sjft.retrieval.budget import cheaper_backend
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.grouping import groups_of_similar
from sjft.retrieval.histograms import HistogramFile, Histograms
from sjft.retrieval.index import FlatIndex, VectorIndex, load_annoy_index
from sjft.retrieval.nearest import InMemory, OnFile, SourceImages, rank
from sjft.retrieval.neighbours import Neighbours, one_after_another
from sjft.retrieval.product import Device
from sjft.retrieval.projection import read_projection
from sjft.settings.retrieval import RetrievalSettings

LOG = logging.getLogger(__name__)
# What `auto` asks of `flat`: 0.99, less what chance takes on so few images.
IMAGES_CHECKED, LEAST_FOUND = 16, 0.98


def search_shard(
    targets: Histograms,
    sources: Histograms | HistogramFile,
    index_files: Sequence[Path],
    *,
    kept: int,
    candidates: int,
    settings: RetrievalSettings,
    memory: int,
    needed: int | None = None,
) -> Neighbours:
    """Each target image's ``kept`` nearest images of one shard, by the configured backend.

    ``index_files`` are projection, index and its record; the projection alone for a flat scan; or
    none where every pair is compared. ``candidates`` is what an index is asked for, ``memory``
    what the job may use, in bytes. ``needed`` is how many of a list are expected to be among the
    nearest of all shards: by default, all. So many are looked at where ``auto`` checks itself.
    """
    if not len(targets.images):
        none = np.empty((0, kept))
        return Neighbours(targets.images, none.astype(np.int32), none.astype(np.float32))
    backend: str = settings.backend if index_files else "exact"
    if backend == "auto":
        bins = targets.counts[0].size
        sizes = (len(targets.images), len(sources.images), bins, candidates)
        backend = cheaper_backend(*sizes, settings.projection_dimensions)
    if backend == "exact":
        return search_exactly(targets, sources, kept, settings.epsilon, memory, settings.device)
    whole = sources.read() if isinstance(sources, HistogramFile) else sources
    projection_file, *annoy_files = index_files
    projection = read_projection(projection_file)
    vectors = projection.project(targets)
    LOG.info("%d candidates a target image, of which %d are kept", candidates, kept)
    if backend == "flat":
        flat = FlatIndex(projection.project(whole))
        found = search_candidates(
            *(targets, vectors, whole, flat, kept, candidates, settings.epsilon, settings.device)
        )
        if settings.backend == "flat" or _finds_enough(found, targets, whole, needed, settings):
            return found
        del found, flat, vectors
        return search_exactly(targets, whole, kept, settings.epsilon, memory, settings.device)
    made_from = {"projection": projection.digest, "histograms": whole.digest}
    path, record = annoy_files
    index = load_annoy_index(path, record, len(whole.images), settings.annoy, made_from)
    found = search_candidates(
        *(targets, vectors, whole, index, kept, candidates, settings.epsilon, settings.device)
    )
    LOG.info("Annoy returned too few items for %d searches, which were widened", index.widened)
    return found


def _finds_enough(
    found: Neighbours,
    targets: Histograms,
    sources: Histograms,
    needed: int | None,
    settings: RetrievalSettings,
) -> bool:
    """Whether a few target images' lists hold most of the truly nearest, and log what they hold."""
    rows = np.random.default_rng(settings.seed).permutation(len(targets.images))[:IMAGES_CHECKED]
    depth = min(needed or found.sources.shape[1], found.sources.shape[1])
    truth = search_exactly(targets.take(rows), sources, depth, settings.epsilon).divergences
    share = float((found.divergences[rows, :depth] <= truth[:, -1:]).mean())
    enough = share >= LEAST_FOUND
    LOG.info(
        "backend auto: `flat` finds %.3f of the %d nearest of %d target images%s",
        *(share, depth, len(rows), "" if enough else "; that is too few: it takes `exact`"),
    )
    return enough


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
        rows, block = exact_blocks(memory, sizes, kept)
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
    pair, and lets an image find what the index has named to its likes only.
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
        rows = np.unique(index.candidates(vectors[group], candidates)).astype(np.intp)
        divergence = ExactDivergence(targets.take(group), epsilon, device, room)
        parts.append(rank(divergence, InMemory(sources, rows), kept, SOURCES_A_BLOCK))
        room = divergence.room
        compared += len(rows) * len(group)
    pairs = max(1, len(targets.images) * len(sources.images))
    LOG.info("%.3f of all pairs were compared", compared / pairs)
    return one_after_another(parts).take(np.argsort(np.concatenate(groups)))
