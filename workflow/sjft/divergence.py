"""The symmetric Kullback-Leibler divergence between images (paper, section 3.2).

    d(x, y) = sum_c w_c * 1/2 * sum_b (p_cb - q_cb) * (log(p_cb + e) - log(q_cb + e))

with p and q the shares of x's and y's responses of channel c in bin b, and e the epsilon: the sum
of both directions of sum p log((p + e) / (q + e)), written with one factor less.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.histograms import Histograms

Shares = NDArray[np.float32]


def divergence_of_candidates(
    targets: Histograms, sources: Histograms, candidates: NDArray[np.int32], epsilon: float
) -> NDArray[np.float32]:
    """Divergence of each target image to its candidates, float32 [targets, candidates].

    ``candidates`` int32 [targets, candidates] are rows of ``sources``; -1 gives infinity. Sums
    run in float64. Work is shared by numba's threads.
    """
    logs, start = _log_tables(targets.positions, epsilon)
    divergence: NDArray[np.float32] = _candidates(
        *(targets.counts, sources.counts, candidates, logs, start),
        0.5 * targets.weight / targets.positions,
    )
    return divergence


def _log_tables(
    positions: NDArray[np.int64], epsilon: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """log(n / N + e) for every count n, one table per number of positions N, laid end to end."""
    kinds = np.unique(positions)
    tables = [np.log(np.arange(n + 1) / n + epsilon) for n in kinds]
    starts = np.cumsum([0, *(len(table) for table in tables[:-1])])
    return np.concatenate(tables), starts[np.searchsorted(kinds, positions)].astype(np.int64)


# Free order of the additions within a channel lets the compiler use vector instructions: twice as
# fast, and float64 has digits to spare. NaN and infinity keep their meaning.
@numba.njit(cache=True, nogil=True, parallel=True, fastmath={"reassoc", "contract"})
def _candidates(
    targets: NDArray[np.uint16] | NDArray[np.uint32],
    sources: NDArray[np.uint16] | NDArray[np.uint32],
    candidates: NDArray[np.int32],
    logs: NDArray[np.float64],
    start: NDArray[np.int64],
    factor: NDArray[np.float64],
) -> NDArray[np.float32]:
    divergence = np.full(candidates.shape, np.inf, np.float32)
    channels, bins = targets.shape[1], targets.shape[2]
    for target in numba.prange(candidates.shape[0]):
        own_logs = np.empty((channels, bins), np.float64)
        for channel in range(channels):
            for b in range(bins):
                own_logs[channel, b] = logs[start[channel] + targets[target, channel, b]]
        for place in range(candidates.shape[1]):
            source = candidates[target, place]
            if source < 0:
                continue
            total = 0.0
            for channel in range(channels):
                table = start[channel]
                of_channel = 0.0
                for b in range(bins):
                    q = np.int64(sources[source, channel, b])
                    p = np.int64(targets[target, channel, b])
                    of_channel += (p - q) * (own_logs[channel, b] - logs[table + q])
                total += factor[channel] * of_channel
            divergence[target, place] = total
    return divergence


class ExactDivergence:
    """All divergences between blocks of images as one matrix product.

    D = 1/2 (s_p + s_q - <w p, log q> - <w log p, q>) with s = sum w p log p. The targets' mean
    share and mean logarithm of each bin are taken from p and log p first: D stays the same,
    and the float32 sums lose a tenth of the digits that they would lose otherwise.
    """

    def __init__(self, targets: Histograms, epsilon: float) -> None:
        """Prepare the target side: float32 [targets, 2 * channels * bins]."""
        self._epsilon = epsilon
        self._weight = np.repeat(targets.weight, targets.counts.shape[2]).astype(np.float32)
        factors = self._shares_and_logs(targets)
        self._means = factors.mean(axis=1, dtype=np.float64).astype(np.float32)[:, None]
        factors -= self._means
        self._own = self._own_terms(factors)
        factors *= self._weight
        self._factors = _side_by_side(factors)

    def _shares_and_logs(self, histograms: Histograms) -> Shares:
        """p and log(p + e), float32 [2, images, channels * bins], made image by image."""
        images, channels, bins = histograms.counts.shape
        both = np.empty((2, images, channels * bins), np.float32)
        for image in range(images):
            shares = histograms.counts[image] / histograms.positions[:, None]
            both[0, image] = shares.reshape(-1)
            both[1, image] = np.log(shares + self._epsilon).reshape(-1)
        return both

    def _own_terms(self, factors: Shares) -> Shares:
        """s = sum w p log p, float32 [images]."""
        shares, logs = factors
        own = np.einsum("ij,ij,j->i", shares, logs, self._weight, dtype=np.float64)
        return np.asarray(own, np.float32)

    def to(self, sources: Histograms) -> NDArray[np.float32]:
        """Divergence of every target to every one of ``sources``, float32 [targets, sources]."""
        factors = self._shares_and_logs(sources)
        factors -= self._means
        product = self._factors @ _side_by_side(factors[::-1]).T
        # Rounding may leave an image a little below 0 from itself.
        own = self._own_terms(factors)
        return np.maximum(0.5 * (self._own[:, None] + own[None, :] - product), 0)


def _side_by_side(factors: Shares) -> Shares:
    return np.concatenate(list(factors), axis=1)
