"""The symmetric Kullback-Leibler divergence between images (paper, section 3.2).

    d(x, y) = sum_c w_c * 1/2 * sum_b (p_cb - q_cb) * (log(p_cb + e) - log(q_cb + e))

with p and q the shares of x's and y's responses of channel c in bin b, and e the epsilon: the sum
of both directions of sum p log((p + e) / (q + e)), written with one factor less.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.histograms import Histograms
from sjft.product import Device, product_with

Counts = NDArray[np.uint16] | NDArray[np.uint32]
# Products of fewer rows are summed in another order: the same image would be nearer in one block
# than in another, by the last digit, and images that are the same would not tie.
LEAST_ROWS = 64


def _log_tables(
    positions: NDArray[np.int64], epsilon: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """log(n / N + e) for every count n, one table per number of positions N, laid end to end."""
    kinds = np.unique(positions)
    tables = [np.log(np.arange(n + 1) / n + epsilon) for n in kinds]
    starts = np.cumsum([0, *(len(table) for table in tables[:-1])])
    return np.concatenate(tables), starts[np.searchsorted(kinds, positions)].astype(np.int64)


class ExactDivergence:
    """All divergences between blocks of images as one matrix product.

    D = 1/2 (s_p + s_q - <w p, log q> - <w log p, q>) with s = sum w p log p. The targets' mean
    share and mean logarithm of each bin are taken from p and log p first: D stays the same,
    and the float32 sums lose a tenth of the digits that they would lose otherwise.
    """

    def __init__(
        self,
        targets: Histograms,
        epsilon: float,
        device: Device = "cpu",
        room: NDArray[np.float32] | None = None,
    ) -> None:
        """Prepare the target side: float32 [targets, 2 * channels * bins].

        ``room`` is that of another one over as many channels and bins, which is not used any more.
        """
        self._positions, self._weight = targets.positions, targets.weight
        self._logs, self._start = _log_tables(targets.positions, epsilon)
        self._mean_share = targets.counts.mean(axis=0) / targets.positions[:, None]
        self._mean_log = _mean_logs(targets.counts, self._logs, self._start)
        rows = max(len(targets.images), LEAST_ROWS)
        factors = np.zeros((rows, 2, self._mean_share.size), np.float32)
        self._own = self._fill(targets.counts, factors[: len(targets.images)])
        factors *= np.repeat(targets.weight, targets.counts.shape[2]).astype(np.float32)
        self._product = product_with(factors.reshape(len(factors), -1), device)
        # Of a block's factors. Kept for the next: fresh memory costs a tenth of the product's time.
        self.room = np.empty((0, *factors.shape[1:]), np.float32) if room is None else room

    def to(self, sources: Histograms) -> NDArray[np.float32]:
        """Divergence of every target to every one of ``sources``, float32 [targets, sources]."""
        images = len(sources.images)
        rows = max(images, LEAST_ROWS)
        if rows > len(self.room):
            self.room = np.empty((rows, *self.room.shape[1:]), np.float32)
        block = self.room[:rows]
        own = self._fill(sources.counts, block[:images, ::-1])
        block[images:] = 0
        divergence = self._product(block.reshape(rows, -1))[: len(self._own), :images]
        divergence *= np.float32(-0.5)
        divergence += self._own[:, None]
        divergence += own
        # Rounding may leave an image a little below 0 from itself.
        return np.maximum(divergence, 0, out=divergence)

    def _fill(self, counts: Counts, factors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fill [images, (share, logarithm), channels * bins]; returns s / 2, float32 [images]."""
        own: NDArray[np.float64] = _fill(
            *(counts, self._logs, self._start, self._positions, self._weight),
            *(self._mean_share, self._mean_log, factors),
        )
        return (0.5 * own).astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _mean_logs(
    counts: Counts, logs: NDArray[np.float64], start: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean of log(p + e) over the images, float64 [channels, bins]."""
    images, channels, bins = counts.shape
    total = np.zeros((channels, bins), np.float64)
    for image in range(images):
        for channel in range(channels):
            for b in range(bins):
                total[channel, b] += logs[start[channel] + counts[image, channel, b]]
    return np.divide(total, max(1, images))


# Free order of the additions within a channel lets the compiler use vector instructions: twice as
# fast, and float64 has digits to spare. NaN and infinity keep their meaning.
@numba.njit(cache=True, nogil=True, parallel=True, fastmath={"reassoc", "contract"})
def _fill(
    counts: Counts,
    logs: NDArray[np.float64],
    start: NDArray[np.int64],
    positions: NDArray[np.int64],
    weight: NDArray[np.float64],
    mean_share: NDArray[np.float64],
    mean_log: NDArray[np.float64],
    factors: NDArray[np.float32],
) -> NDArray[np.float64]:
    own = np.empty(len(counts), np.float64)
    channels, bins = counts.shape[1], counts.shape[2]
    for image in numba.prange(counts.shape[0]):
        total = 0.0
        for channel in range(channels):
            table, first, size = start[channel], channel * bins, 1.0 / positions[channel]
            of_channel = 0.0
            for b in range(bins):
                count = np.int64(counts[image, channel, b])
                share = count * size - mean_share[channel, b]
                log = logs[table + count] - mean_log[channel, b]
                factors[image, 0, first + b] = share
                factors[image, 1, first + b] = log
                of_channel += share * log
            total += weight[channel] * of_channel
        own[image] = total
    return own
