"""The divergence in whole numbers: the same to the last digit on every processor.

A sum of floats depends on the order of its additions, and so on the processor, the library and
an image's place in a block. Here counts are whole numbers, as they are on file, and logarithms
are rounded to whole multiples of a small unit. All sums are then exact, in whatever order.

Channels of as many positions and of one weight are a layer; a run is a few of its channels that
follow each other. The sum of a run,

    sum_b (n - m) * (l_n - l_m)

over counts n and m and the whole numbers l of their logarithms, stays below 2^52 (which decides
the unit: 2e-9 for layers of 12,321 positions), so that float64 holds it and all that it is added
up from, and the compiler may add as many at once as the processor can. Layers are added up in
int64, and only their few totals are weighted, in float64 and one after the other. A divergence is
off by one unit at most.
"""

import math
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext
from functools import lru_cache

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.compiled import compiled
from sjft.retrieval.blocks import BINS_A_RUN

CHANNELS_A_RUN = 8
EXACT_BITS = 52  # of whole numbers that float64 holds, with a bit to spare
# np.log is off by a few times 7e-15, on another processor by others: less than `DOUBTFUL` of the
# smallest unit.
FINEST = 2.0**32
DOUBTFUL = 1e-3
DIGITS = 40


@dataclass(frozen=True)
class FixedPoint:
    """Tables of whole logarithms, and the runs of channels that are summed up with them.

    ``logs`` float64: log(n / N + e) for every count n, one table per number of positions N, laid
    end to end. A row of ``runs``, int64 [runs, 4]: first bin, bin after the last, where its table
    starts, number of its layer. ``units`` float64 [layers]: what 1 of a layer's sum counts.
    """

    logs: NDArray[np.float64]
    runs: NDArray[np.int64]
    units: NDArray[np.float64]


def fixed_point(
    positions: NDArray[np.int64], weight: NDArray[np.float64], bins: int, epsilon: float
) -> FixedPoint:
    """For channels of so many ``positions``, int64 [channels], and of ``weight`` [channels]."""
    kinds = sorted({int(n) for n in positions})
    scales = {n: _scale(n, epsilon) for n in kinds}
    tables = [whole_logs(n, epsilon, scales[n]) for n in kinds]
    starts = dict(zip(kinds, np.cumsum([0, *map(len, tables)]).tolist()[:-1], strict=True))
    pairs = [(int(n), float(w)) for n, w in zip(positions, weight, strict=True)]
    layers = {pair: place for place, pair in enumerate(dict.fromkeys(pairs))}
    longest = bins * max(1, min(CHANNELS_A_RUN, BINS_A_RUN // bins))
    runs: list[tuple[int, int, int, int]] = []
    for channel, pair in enumerate(pairs):
        first, end = channel * bins, (channel + 1) * bins
        if runs and runs[-1][3] == layers[pair] and end - runs[-1][0] <= longest:
            first, *_ = runs.pop()
        runs.append((first, end, starts[pair[0]], layers[pair]))
    units = [w / (2 * n * scales[n]) for n, w in layers]
    return FixedPoint(np.concatenate(tables), np.array(runs, np.int64), np.array(units))


def _scale(positions: int, epsilon: float) -> float:
    """How many units 1 is, a power of two: a run's sum stays below 2^`EXACT_BITS`.

    Of two histograms of N responses, counts differ by 2 N altogether at most, and logarithms by
    those of 1 and of epsilon.
    """
    span = math.log1p(epsilon) - math.log(epsilon)
    largest = 2 * positions * CHANNELS_A_RUN * span
    return min(FINEST, 2.0 ** (EXACT_BITS - math.ceil(math.log2(largest))))


@lru_cache(maxsize=16)
def whole_logs(positions: int, epsilon: float, scale: float) -> NDArray[np.float64]:
    """log(n / N + e) in units of 1 / ``scale`` for n from 0 to N, rounded to whole numbers.

    Where the library's logarithm cannot tell which of two is nearer, more digits do, so that the
    table does not depend on the library either.
    """
    shares = np.arange(positions + 1) / positions + epsilon
    scaled = np.log(shares) * scale
    whole: NDArray[np.float64] = np.rint(scaled)
    with localcontext(Context(prec=DIGITS)):
        for place in np.flatnonzero(np.abs(np.abs(scaled - whole) - 0.5) < DOUBTFUL):
            exact = Decimal(float(shares[place])).ln() * Decimal(scale)
            whole[place] = float(exact.to_integral_value())
    whole.flags.writeable = False
    return whole


def divergences_of_pairs(
    tables: FixedPoint,
    own: NDArray[np.uint16] | NDArray[np.uint32],
    others: NDArray[np.uint16] | NDArray[np.uint32],
    rows: NDArray[np.intp],
    starts: NDArray[np.intp],
    of_own: NDArray[np.intp],
) -> NDArray[np.float32]:
    """Divergences of some pairs, float32 [pairs].

    ``own`` and ``others`` are counts [images, channels, bins]. ``rows`` are rows of ``others``; the
    pairs of the r-th of them are those from ``starts[r]`` to ``starts[r + 1]``, and ``of_own`` says
    which row of ``own`` is the other one of each pair.
    """
    sums = np.zeros((len(of_own), len(tables.units)), np.int64)
    flat = own.reshape(len(own), -1), others.reshape(len(others), -1)
    _add_runs(*flat, rows, starts, of_own, tables.logs, tables.runs, sums)
    total = np.zeros(len(of_own))
    for layer, unit in enumerate(tables.units):
        total += sums[:, layer] * unit
    return total.astype(np.float32)


@compiled(parallel=True)
def _add_runs(
    own: NDArray[np.uint16] | NDArray[np.uint32],
    others: NDArray[np.uint16] | NDArray[np.uint32],
    rows: NDArray[np.intp],
    starts: NDArray[np.intp],
    of_own: NDArray[np.intp],
    logs: NDArray[np.float64],
    runs: NDArray[np.int64],
    sums: NDArray[np.int64],
) -> None:
    """Add each pair's sums to ``sums``, int64 [pairs, layers], run by run: one fits a cache."""
    for run in range(len(runs)):
        first, end, table, layer = runs[run]
        own_logs = np.empty((len(own), end - first), np.float64)
        for image in numba.prange(len(own)):
            for b in range(end - first):
                own_logs[image, b] = logs[table + np.int64(own[image, first + b])]
        for place in numba.prange(len(rows)):
            if starts[place] < starts[place + 1]:
                counts = others[rows[place], first:end]
                log = np.empty(end - first, np.float64)
                for b in range(end - first):
                    log[b] = logs[table + np.int64(counts[b])]
                for pair in range(starts[place], starts[place + 1]):
                    image = of_own[pair]
                    total = _sum(own[image, first:end], own_logs[image], counts, log)
                    sums[pair, layer] += np.int64(total)


# All numbers here are whole and exact: any order of the additions gives the same.
@compiled(fastmath={"reassoc", "contract"})
def _sum(
    counts: NDArray[np.uint16] | NDArray[np.uint32],
    logs: NDArray[np.float64],
    other_counts: NDArray[np.uint16] | NDArray[np.uint32],
    other_logs: NDArray[np.float64],
) -> float:
    total = 0.0
    for b in range(len(counts)):
        difference = np.int32(counts[b]) - np.int32(other_counts[b])
        total += np.float64(np.int32(difference)) * (logs[b] - other_logs[b])
    return total
