"""The flat scan or the exact search, shard by shard: whichever does less work and misses little."""

import logging
from typing import ClassVar

import numpy as np

from sjft.retrieval.blocks import Sizes
from sjft.retrieval.budget import CANDIDATE_COST
from sjft.retrieval.index import exact, flat
from sjft.retrieval.index.backend import Backend, Keys, Shard, Work
from sjft.retrieval.neighbours import Neighbours
from sjft.settings.retrieval import RetrievalSettings

LOG = logging.getLogger(__name__)
# What is asked of `flat`: 0.99, less what chance takes on so few images.
IMAGES_CHECKED, LEAST_FOUND = 16, 0.98
# Scanning a vector and selecting by it costs as much as this many bins of a pair of the exact
# search (benchmarks/search.py).
SCAN_COST = 400.0


class Auto(Backend):
    """The search chooses; what it needs is what the hungrier one needs."""

    # The seed draws the target images by which what `flat` finds is checked.
    searched_by: ClassVar[Keys] = {**flat.Flat.searched_by, "seed": True}

    def search(self, shard: Shard) -> Neighbours:
        """See `Backend`; what is chosen stands in the log."""
        targets, sources = shard.sizes
        sizes = (targets.images, sources.images, targets.bins, shard.candidates)
        if cheaper_backend(*sizes, shard.settings.projection_dimensions) == "exact":
            return exact.BACKEND.search(shard)
        found = flat.BACKEND.search(shard)
        if _finds_enough(found, shard):
            return found
        del found
        return exact.BACKEND.search(shard)

    def candidates_factor(self, settings: RetrievalSettings) -> float:
        """See `Backend`."""
        return flat.BACKEND.candidates_factor(settings)

    def search_bytes(
        self, targets: Sizes, sources: Sizes, kept: int, settings: RetrievalSettings
    ) -> int:
        """See `Backend`."""
        return max(
            backend.search_bytes(targets, sources, kept, settings)
            for backend in (flat.BACKEND, exact.BACKEND)
        )

    def search_seconds(self, work: Work) -> float:
        """See `Backend`."""
        return min(flat.BACKEND.search_seconds(work), exact.BACKEND.search_seconds(work))

    def advice(self, settings: RetrievalSettings) -> str:
        """See `Backend`."""
        return flat.BACKEND.advice(settings)


def cheaper_backend(targets: int, sources: int, bins: int, candidates: int, dimensions: int) -> str:
    """`flat` or `exact`, whichever does less work, in bins compared by the exact search.

    Exact: targets * sources * bins. Flat: each candidate at `CANDIDATE_COST` times its bins, at
    most all pairs; the scan of the shard's vectors (a product and a selection, at `SCAN_COST`); and
    their projection.
    """
    exact = targets * sources * bins
    ranking = min(CANDIDATE_COST * targets * candidates * bins, exact)
    scan = SCAN_COST * targets * sources + sources * bins * dimensions / 2
    chosen = "flat" if ranking + scan < exact else "exact"
    LOG.info(
        "backend auto takes `%s`: a flat scan with %d candidates of %d costs %.2f of the exact "
        "search",
        *(chosen, candidates, sources, (ranking + scan) / max(1, exact)),
    )
    return chosen


def _finds_enough(found: Neighbours, shard: Shard) -> bool:
    """Whether a few target images' lists hold most of the truly nearest, and log what they hold."""
    rng = np.random.default_rng(shard.settings.seed)
    rows = rng.permutation(len(found.targets))[:IMAGES_CHECKED]
    depth = min(shard.needed, found.sources.shape[1])
    truth = shard.truth(rows, depth).divergences
    share = float((found.divergences[rows, :depth] <= truth[:, -1:]).mean())
    enough = share >= LEAST_FOUND
    LOG.info(
        "backend auto: `flat` finds %.3f of the %d nearest of %d target images%s",
        *(share, depth, len(rows), "" if enough else "; that is too few: it takes `exact`"),
    )
    return enough


BACKEND = Auto()
