"""Search of one source shard: its nearest images to every target image, by the divergence."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sjft.divergence import ExactDivergence, divergence_of_candidates
from sjft.histograms import Histograms
from sjft.index import VectorIndex, load_annoy_index
from sjft.neighbours import Neighbours, nearest
from sjft.progress import progress
from sjft.projection import read_projection
from sjft.settings.retrieval import RetrievalSettings

SOURCES_A_BLOCK = 256
TARGETS_A_BLOCK = 64
# How far, in standard deviations, a shard's share of a list may exceed the expected one.
SAFETY_DEVIATIONS = 6.0
LOG = logging.getLogger(__name__)


def kept_per_shard(on_file: int, shard_images: int, shards: int) -> int:
    """How many neighbours a shard must give, so that the K best of all S shards are among them.

    Each image's shard is drawn by a hash: of K neighbours a shard holds K / S on average, with a
    binomial deviation; `SAFETY_DEVIATIONS` of them are added. With one shard this is K.
    """
    share = 1 / shards
    expected = on_file * share
    spread = SAFETY_DEVIATIONS * math.sqrt(expected * (1 - share))
    return min(shard_images, on_file, math.ceil(expected + spread))


def search_shard(
    targets: Histograms,
    sources: Histograms,
    index_files: Sequence[Path],
    kept: int,
    settings: RetrievalSettings,
) -> Neighbours:
    """Each target image's ``kept`` nearest images of one shard, by the configured backend.

    ``index_files`` are projection, index and its record, or none where every pair is compared.
    """
    if not len(targets.images):
        none = np.empty((0, kept))
        return Neighbours(targets.images, none.astype(np.int32), none.astype(np.float32))
    if not index_files:
        return search_exactly(targets, sources, kept, settings.epsilon)
    projection, path, record = index_files
    vectors = read_projection(projection).project(targets)
    index = load_annoy_index(path, record, len(sources.images), settings.annoy)
    found = search_candidates(targets, vectors, sources, index, kept, settings)
    LOG.info("Annoy returned too few items for %d searches, which were widened", index.widened)
    return found


def search_exactly(
    targets: Histograms, sources: Histograms, kept: int, epsilon: float
) -> Neighbours:
    """Compare every pair, a block of source images at a time; keep the ``kept`` nearest."""
    divergence = ExactDivergence(targets, epsilon)
    best: Neighbours | None = None
    rows = len(sources.images)
    starts = range(0, rows, SOURCES_A_BLOCK)
    for start in progress(
        starts, total=rows, what="search", unit="source images", per_item=SOURCES_A_BLOCK
    ):
        block = sources.take(np.arange(start, min(start + SOURCES_A_BLOCK, rows)))
        found = Neighbours(
            targets.images,
            np.broadcast_to(block.images, (len(targets.images), len(block.images))),
            divergence.to(block),
        )
        best = nearest([found] if best is None else [best, found], kept)
    assert best is not None
    return best


def search_candidates(
    targets: Histograms,
    vectors: NDArray[np.float32],
    sources: Histograms,
    index: VectorIndex,
    kept: int,
    settings: RetrievalSettings,
) -> Neighbours:
    """Ask the index for candidates, rank them by the exact divergence, keep the nearest."""
    number = math.ceil(kept * settings.annoy.candidates_factor)
    LOG.info("%d candidates a target image, of which %d are kept", number, kept)
    rows = len(targets.images)
    parts = []
    starts = range(0, rows, TARGETS_A_BLOCK)
    for start in progress(
        starts, total=rows, what="search", unit="target images", per_item=TARGETS_A_BLOCK
    ):
        block = targets.take(np.arange(start, min(start + TARGETS_A_BLOCK, rows)))
        candidates = index.candidates(vectors[start : start + TARGETS_A_BLOCK], number)
        found = Neighbours(
            block.images,
            sources.images[candidates],
            divergence_of_candidates(block, sources, candidates, settings.epsilon),
        )
        parts.append(nearest([found], kept))
    return Neighbours(
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.sources for part in parts]),
        np.concatenate([part.divergences for part in parts]),
    )
