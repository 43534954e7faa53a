"""Recall: how much of what brute force finds the search has found, measured in every run."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.retrieval.histograms import Histograms, open_histograms
from sjft.retrieval.index import search_backend
from sjft.retrieval.neighbours import Neighbours, nearest
from sjft.retrieval.search import search_exactly
from sjft.settings.retrieval import RetrievalSettings


def recall(
    neighbours: Neighbours,
    targets: Histograms,
    shards: Sequence[Path],
    numbers: Sequence[NDArray[np.int32]],
    settings: RetrievalSettings,
) -> dict[str, float]:
    """Share of the truly nearest that were found, for the first 10, 100, ... and all of them.

    Brute force over all shards' histograms, on a sample of target images drawn by seed; on the
    processor in full precision, whatever the search used. ``numbers`` holds, shard by shard, the
    rows of images.csv that the shard's own numbers stand for.
    """
    rows = np.random.default_rng(settings.seed).permutation(len(targets.images))
    rows = np.sort(rows[: settings.recall_sample])
    sample = targets.take(rows)
    on_file = neighbours.sources.shape[1]
    pairs = zip(shards, numbers, strict=True)
    parts = (_search(path, sample, on_file, rows_of, settings) for path, rows_of in pairs)
    truth = nearest(parts, on_file)
    found = neighbours.take(rows)
    depths = sorted({min(depth, on_file) for depth in (10, 100, 1000, on_file)})
    return {str(depth): _overlap(found, truth, depth) for depth in depths}


def _search(
    path: Path,
    sample: Histograms,
    on_file: int,
    rows: NDArray[np.int32],
    settings: RetrievalSettings,
) -> Neighbours:
    with open_histograms(path, sample.digest_of_bins) as sources:
        found = search_exactly(sample, sources, on_file, settings.epsilon)
    return replace(found, sources=rows[found.sources])


def require_recall(measured: dict[str, float], settings: RetrievalSettings) -> None:
    """Raise `UserError` where the recall at some depth is under the configured floor."""
    for depth, share in measured.items():
        if share < settings.recall_floor:
            raise UserError(
                f"The search finds {share:.3f} of the {depth} truly nearest source images; "
                f"recall_floor is {settings.recall_floor}. "
                f"{search_backend(settings.backend).advice(settings)}"
            )


def _overlap(found: Neighbours, truth: Neighbours, depth: int) -> float:
    """Share of the true ``depth`` nearest among the found; equally near ones count alike."""
    same_end = found.divergences[:, :depth] == truth.divergences[:, depth - 1 : depth]
    pairs = zip(found.sources[:, :depth], truth.sources[:, :depth], strict=True)
    hits = np.stack([np.isin(one, other) for one, other in pairs]) | same_end
    return float(hits.mean())
