"""Lists of the nearest, ordered by the divergence itself, of pairs that an estimate points out.

The estimate of a pair (see `sjft.retrieval.divergence`) is off by a little. Whatever is estimated
to lie within twice that little of a list's end could belong to the list: it is compared exactly as
well, and lists are cut after that. So lists hang neither on the processor nor on how blocks were
cut.
"""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sjft.retrieval.blocks import estimates_kept
from sjft.retrieval.divergence import Counts, ExactDivergence
from sjft.retrieval.histograms import HistogramFile, Histograms
from sjft.retrieval.neighbours import NearestSoFar, Neighbours

LOG = logging.getLogger(__name__)
# An error of an estimate that was seen in a list is taken for so large a part of the largest.
SEEN_OF_LARGEST = 1 / 4
IN_MEMORY_A_PIECE = 2048
TARGETS_AGAIN = 512


class SourceImages(Protocol):
    """Source images that can be gone through several times, in one order."""

    @property
    def images(self) -> NDArray[np.int32]:
        """Numbers of the images."""

    def blocks(self, images: int) -> Iterator[Histograms]:
        """So many images a time."""

    def pieces(self, images: int) -> Iterator[tuple[Counts, NDArray[np.intp]]]:
        """Counts, and rows of them, a piece at a time: without copying where it can be avoided."""


@dataclass(frozen=True)
class OnFile:
    """All images of an open file, which are read anew each time."""

    file: HistogramFile

    @property
    def images(self) -> NDArray[np.int32]:
        """Numbers of the images."""
        return self.file.images

    def blocks(self, images: int) -> Iterator[Histograms]:
        """See `SourceImages`."""
        return self.file.blocks(images)

    def pieces(self, images: int) -> Iterator[tuple[Counts, NDArray[np.intp]]]:
        """See `SourceImages`."""
        for block in self.blocks(images):
            yield block.counts, np.arange(len(block.images))


@dataclass(frozen=True)
class InMemory:
    """Some of the images, or all, of histograms in memory."""

    histograms: Histograms
    rows: NDArray[np.intp] | None = None

    @property
    def images(self) -> NDArray[np.int32]:
        """Numbers of the images."""
        images = self.histograms.images
        return images if self.rows is None else images[self.rows]

    def blocks(self, images: int) -> Iterator[Histograms]:
        """See `SourceImages`."""
        if self.rows is None:
            yield from self.histograms.blocks(images)
        else:
            for start in range(0, len(self.rows), images):
                yield self.histograms.take(self.rows[start : start + images])

    def pieces(self, images: int) -> Iterator[tuple[Counts, NDArray[np.intp]]]:
        """See `SourceImages`."""
        rows = np.arange(len(self.histograms.images)) if self.rows is None else self.rows
        for start in range(0, len(rows), IN_MEMORY_A_PIECE):
            yield self.histograms.counts, rows[start : start + IN_MEMORY_A_PIECE]


def rank(
    divergence: ExactDivergence,
    sources: SourceImages,
    kept: int,
    block: int,
    blocks: Iterable[Histograms] | None = None,
) -> Neighbours:
    """The ``kept`` nearest of ``sources`` to each target image, or all where there are fewer.

    Ordered by the divergence as float32 holds it, and by the image's number where it is equal.
    ``blocks`` are those of ``sources`` where somebody watches them go by.
    """
    targets, images = divergence.targets, len(sources.images)
    found = NearestSoFar(targets.images, estimates_kept(kept), block)
    first = 0
    for part in sources.blocks(block) if blocks is None else blocks:
        places = np.arange(first, first + len(part.images), dtype=np.int32)
        found.add(places, divergence.estimate(part))
        first += len(places)
    estimates = found.lists()
    del found
    if not images:
        return estimates
    error = divergence.error
    reach = _reach(estimates, kept, error)
    near = estimates.divergences <= reach[:, None]
    exact = _exact(divergence, sources, estimates.sources, near, block)
    seen = np.abs(np.where(near, exact - estimates.divergences, 0)).max(axis=1) / SEEN_OF_LARGEST
    cut_off = (estimates.divergences[:, -1] <= reach) & (estimates.sources.shape[1] < images)
    again = np.flatnonzero(cut_off | (seen > error))
    nearest = NearestSoFar(targets.images, kept, exact.shape[1])
    nearest.add(sources.images[estimates.sources], exact)
    lists = nearest.lists()
    reach = _reach(estimates, kept, np.maximum(error, seen))[again]
    if len(again):
        LOG.info("many images near the ends of %d lists: these are made anew", len(again))
    for start in range(0, len(again), TARGETS_AGAIN):
        some = slice(start, start + TARGETS_AGAIN)
        better = _rank_within(divergence, again[some], reach[some], sources, kept, block)
        lists.sources[again[some]] = better.sources
        lists.divergences[again[some]] = better.divergences
    return lists


def _reach(estimates: Neighbours, kept: int, error: NDArray[np.float32]) -> NDArray[np.float32]:
    """Up to which estimate an image could belong to a target's list, float32 [targets]."""
    last = min(kept, estimates.divergences.shape[1]) - 1
    reach: NDArray[np.float32] = estimates.divergences[:, last] + 2 * error
    return reach


def _exact(
    divergence: ExactDivergence,
    sources: SourceImages,
    places: NDArray[np.int32],
    near: NDArray[np.bool_],
    block: int,
) -> NDArray[np.float32]:
    """Exact divergences of the ``near`` of the images at ``places``, and infinity for the others.

    Both [targets, images of a list]; places count through all of ``sources``.
    """
    exact = np.full(places.shape, np.inf, np.float32)
    flat = np.flatnonzero(near)
    flat = flat[np.argsort(places.ravel()[flat])]
    at, of_target = places.ravel()[flat], flat // places.shape[1]
    first = 0
    for counts, rows in sources.pieces(block):
        starts = np.searchsorted(at, np.arange(first, first + len(rows) + 1))
        pairs = slice(starts[0], starts[-1])
        exact.ravel()[flat[pairs]] = divergence.of_pairs(
            counts, rows, starts - starts[0], of_target[pairs]
        )
        first += len(rows)
    return exact


def _rank_within(
    divergence: ExactDivergence,
    again: NDArray[np.intp],
    reach: NDArray[np.float32],
    sources: SourceImages,
    kept: int,
    block: int,
) -> Neighbours:
    """Lists of the targets ``again``, from all pairs that are estimated to lie within ``reach``.

    However many there are (copies by the thousand, say): each block's are compared at once.
    """
    some = ExactDivergence(
        divergence.targets.take(again), divergence.epsilon, divergence.device, divergence.room
    )
    found = NearestSoFar(some.targets.images, kept, block)
    for part in sources.blocks(block):
        near = some.estimate(part) <= reach[:, None]
        places = np.broadcast_to(np.arange(len(part.images), dtype=np.int32), near.shape)
        exact = _exact(some, InMemory(part), places, near, block)
        found.add(part.images, exact)
    return found.lists()
