"""The symmetric Kullback-Leibler divergence between images (paper, section 3.2).

    d(x, y) = sum_c w_c * 1/2 * sum_b (p_cb - q_cb) * (log(p_cb + e) - log(q_cb + e))

with p and q the shares of x's and y's responses of channel c in bin b, and e the epsilon: the sum
of both directions of sum p log((p + e) / (q + e)), written with one factor less.

One matrix product estimates it for whole blocks of images. Its last digits depend on the processor,
the number of threads and an image's place in the block: it tells which pairs are worth a look, and
never who is nearer. That is for the divergence itself, pair by pair in whole numbers
(`sjft.retrieval.fixed_point`), at four times the cost of an estimate.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.compiled import compiled
from sjft.retrieval.fixed_point import divergences_of_pairs, fixed_point
from sjft.retrieval.histograms import Histograms
from sjft.retrieval.product import Device, product_with

Counts = NDArray[np.uint16] | NDArray[np.uint32]
# How far an estimate may be off, in units of the larger of 1 and the target's own part of the sum:
# ten times what photographs' are at most.
ERRORS: dict[Device, float] = {"cpu": 1.5e-5, "cuda": 3e-3}


def _log_tables(
    positions: NDArray[np.int64], epsilon: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """log(n / N + e) for every count n, one table per number of positions N, laid end to end."""
    kinds = np.unique(positions)
    tables = [np.log(np.arange(n + 1) / n + epsilon) for n in kinds]
    starts = np.cumsum([0, *(len(table) for table in tables[:-1])])
    return np.concatenate(tables), starts[np.searchsorted(kinds, positions)].astype(np.int64)


class ExactDivergence:
    """Divergences of target images to blocks of other images, exact or estimated.

    Estimates of all pairs are one matrix product: D = 1/2 (s_p + s_q - <w p, log q> - <w log p, q>)
    with s = sum w p log p. The targets' mean share and mean logarithm of each bin are taken from p
    and log p first: D stays the same, and the float32 sums lose a tenth of the digits that they
    would lose otherwise.
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
        self.targets, self.epsilon, self.device = targets, epsilon, device
        self._positions, self._weight = targets.positions, targets.weight
        self._tables = fixed_point(
            targets.positions, targets.weight, targets.counts.shape[2], epsilon
        )
        self._logs, self._start = _log_tables(targets.positions, epsilon)
        self._mean_share = targets.counts.mean(axis=0) / targets.positions[:, None]
        self._mean_log = _mean_logs(targets.counts, self._logs, self._start)
        factors = np.empty((len(targets.images), 2, self._mean_share.size), np.float32)
        self._own = self._fill(targets.counts, factors)
        factors *= np.repeat(targets.weight, targets.counts.shape[2]).astype(np.float32)
        self._product = product_with(factors.reshape(len(factors), -1), device)
        # Of a block's factors. Kept for the next: fresh memory costs a tenth of the product's time.
        self.room = np.empty((0, *factors.shape[1:]), np.float32) if room is None else room

    @property
    def error(self) -> NDArray[np.float32]:
        """How far a target's estimates are expected to be off at most, float32 [targets]."""
        return np.float32(ERRORS[self.device]) * np.maximum(np.abs(self._own), 1)

    def estimate(self, sources: Histograms) -> NDArray[np.float32]:
        """Every target to every one of ``sources``, about, float32 [targets, sources]."""
        images = len(sources.images)
        if images > len(self.room):
            self.room = np.empty((images, *self.room.shape[1:]), np.float32)
        block = self.room[:images]
        own = self._fill(sources.counts, block[:, ::-1])
        divergence = self._product(block.reshape(images, -1))
        divergence *= np.float32(-0.5)
        divergence += self._own[:, None]
        divergence += own
        # Rounding may leave an image a little below 0 from itself.
        return np.maximum(divergence, 0, out=divergence)

    def to(self, sources: Histograms) -> NDArray[np.float32]:
        """Every target to every one of ``sources``, exactly, float32 [targets, sources]."""
        targets, images = len(self.targets.images), len(sources.images)
        of_target = np.tile(np.arange(targets), images)
        starts = np.arange(images + 1) * targets
        found = self.of_pairs(sources.counts, np.arange(images), starts, of_target)
        return np.ascontiguousarray(found.reshape(images, targets).T)

    def of_pairs(
        self,
        counts: Counts,
        rows: NDArray[np.intp],
        starts: NDArray[np.intp],
        of_target: NDArray[np.intp],
    ) -> NDArray[np.float32]:
        """Exact divergences of some pairs, float32 [pairs].

        ``rows`` are rows of ``counts`` [images, channels, bins]; the pairs of the r-th of them are
        those from ``starts[r]`` to ``starts[r + 1]``, with the target images ``of_target``.
        """
        return divergences_of_pairs(
            self._tables, self.targets.counts, counts, rows, starts, of_target
        )

    def _fill(self, counts: Counts, factors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Fill [images, (share, logarithm), channels * bins]; returns s / 2, float32 [images]."""
        own: NDArray[np.float64] = _fill(
            *(counts, self._logs, self._start, self._positions, self._weight),
            *(self._mean_share, self._mean_log, factors),
        )
        return (0.5 * own).astype(np.float32)


@compiled()
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
@compiled(parallel=True, fastmath={"reassoc", "contract"})
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
