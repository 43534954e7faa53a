"""Recall: how much of what brute force finds the search has found, measured in every run."""

from pathlib import Path

import numpy as np

from sjft.errors import UserError
from sjft.histograms import Histograms, open_histograms
from sjft.neighbours import Neighbours, nearest
from sjft.search import search_exactly
from sjft.settings.retrieval import RetrievalSettings


def recall(
    neighbours: Neighbours, targets: Histograms, shards: list[Path], settings: RetrievalSettings
) -> dict[str, float]:
    """Share of the truly nearest that were found, for the first 10, 100, ... and all of them.

    Brute force over all shards' histograms, on a sample of target images drawn by seed.
    """
    rows = np.random.default_rng(settings.seed).permutation(len(targets.images))
    rows = np.sort(rows[: settings.recall_sample])
    sample = targets.take(rows)
    on_file = neighbours.sources.shape[1]
    truth = nearest((_search(path, sample, on_file, settings) for path in shards), on_file)
    found = neighbours.take(rows)
    depths = sorted({min(depth, on_file) for depth in (10, 100, 1000, on_file)})
    return {str(depth): _overlap(found, truth, depth) for depth in depths}


def _search(
    path: Path, sample: Histograms, on_file: int, settings: RetrievalSettings
) -> Neighbours:
    with open_histograms(path, sample.digest_of_bins) as sources:
        return search_exactly(sample, sources, on_file, settings.epsilon)


def require_recall(measured: dict[str, float], settings: RetrievalSettings) -> None:
    """Raise `UserError` where the recall at some depth is under the configured floor."""
    for depth, share in measured.items():
        if share < settings.recall_floor:
            raise UserError(
                f"The search finds {share:.3f} of the {depth} truly nearest source images; "
                f"recall_floor is {settings.recall_floor}. Raise annoy.candidates_factor "
                f"({settings.annoy.candidates_factor:g}) or projection_dimensions "
                f"({settings.projection_dimensions}), or set `backend: exact`."
            )


def _overlap(found: Neighbours, truth: Neighbours, depth: int) -> float:
    """Share of the true ``depth`` nearest among the found; equally near ones count alike.

    What rounding of the two ways to sum (a few 1e-6) may exchange at the end of a list is no miss.
    """
    radius = truth.divergences[:, depth - 1 : depth]
    tolerance = 1e-5 + 1e-5 * np.abs(radius)
    hits = (found.divergences[:, :depth] <= radius + tolerance).sum(axis=1)
    return float(hits.mean() / depth)
