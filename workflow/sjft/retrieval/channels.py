"""The divergence taken apart: each channel's own term, for pairs that somebody looks at.

    t_c(x, y) = w_c * 1/2 * sum_b (p_cb - q_cb) * (log(p_cb + e) - log(q_cb + e))

is never negative, and the terms of all channels sum to the divergence
(`sjft.retrieval.divergence`).
"""

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.compiled import compiled
from sjft.retrieval.divergence import Counts
from sjft.retrieval.histograms import Histograms

Rows = NDArray[np.intp]


class ChannelTerms:
    """Terms of pairs of images that share their bins."""

    def __init__(self, histograms: Histograms, epsilon: float) -> None:
        """Take positions and weights of the channels from any of the ``histograms``."""
        self._weight = 0.5 * histograms.weight
        self._size = 1.0 / histograms.positions
        kinds, self._table = np.unique(histograms.positions, return_inverse=True)
        self._logs = np.zeros((len(kinds), int(kinds.max()) + 1))
        for logs, n in zip(self._logs, kinds, strict=True):
            logs[: n + 1] = np.log(np.arange(n + 1) / n + epsilon)

    def of_pairs(
        self, targets: Counts, sources: Counts, of_target: Rows, of_source: Rows
    ) -> NDArray[np.float64]:
        """Terms in nats, float64 [pairs, channels].

        Pair i is row ``of_target[i]`` of ``targets`` with row ``of_source[i]`` of ``sources``, both
        [images, channels, bins].
        """
        terms: NDArray[np.float64] = _terms(
            *(targets, sources, of_target, of_source),
            *(self._logs, self._table, self._size, self._weight),
        )
        return terms


@compiled(parallel=True)
def _terms(
    targets: Counts,
    sources: Counts,
    of_target: Rows,
    of_source: Rows,
    logs: NDArray[np.float64],
    table: Rows,
    size: NDArray[np.float64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    channels, bins = targets.shape[1], targets.shape[2]
    terms = np.zeros((len(of_target), channels))
    for pair in numba.prange(len(of_target)):
        target, source = of_target[pair], of_source[pair]
        for channel in range(channels):
            log, total = logs[table[channel]], 0.0
            for b in range(bins):
                p = np.int64(targets[target, channel, b])
                q = np.int64(sources[source, channel, b])
                total += (p - q) * (log[p] - log[q])
            terms[pair, channel] = weight[channel] * size[channel] * total
    return terms
