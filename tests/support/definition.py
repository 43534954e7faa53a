"""Divergences by their definition, and histograms with many empty bins to measure them on."""

import math

import numpy as np
import pytest

from sjft.retrieval.histograms import Histograms

EPSILONS = [1e-4, 1e-10, 2.2e-16]
every_epsilon = pytest.mark.parametrize("epsilon", EPSILONS)


def sparse_histograms(
    seed: int,
    images: int,
    *,
    bins: int = 6,
    positions: tuple[int, ...] = (100, 100, 37, 9),
    weight: tuple[float, ...] = (0.3, 0.2, 0.1, 0.4),
    concentration: float = 0.3,
    kind: type[np.unsignedinteger] = np.uint16,
) -> Histograms:
    """Return histograms with many empty bins, over channels of different sizes and weights."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(bins, concentration), (images, len(positions)))
    counts = [
        [rng.multinomial(n, share) for n, share in zip(positions, image, strict=True)]
        for image in shares
    ]
    return Histograms(
        np.arange(images, dtype=np.int32),
        np.array(counts, dtype=kind),
        np.array(positions),
        np.array(weight),
        "bins",
        "",
    )


def definition(x: Histograms, i: int, y: Histograms, j: int, epsilon: float) -> float:
    """sum_c w_c 1/2 sum_b [p log((p + e) / (q + e)) + q log((q + e) / (p + e))]."""
    total = 0.0
    for channel, weight in enumerate(x.weight.tolist()):
        n = int(x.positions[channel])
        terms = []
        for a, b in zip(x.counts[i, channel].tolist(), y.counts[j, channel].tolist(), strict=True):
            p, q = a / n, b / n
            terms += [
                p * math.log((p + epsilon) / (q + epsilon)),
                q * math.log((q + epsilon) / (p + epsilon)),
            ]
        total += weight * 0.5 * math.fsum(terms)
    return total


def all_by_definition(x: Histograms, y: Histograms, epsilon: float) -> np.ndarray:
    """`definition` of all pairs, float64 [images of x, images of y]."""
    return np.array(
        [
            [definition(x, i, y, j, epsilon) for j in range(len(y.images))]
            for i in range(len(x.images))
        ]
    )


def in_float64(x: Histograms, y: Histograms, epsilon: float) -> np.ndarray:
    """The definition as `definition` writes it, of all pairs at once."""
    p, q = (h.counts[:, :] / h.positions[:, None] for h in (x, y))
    p, q = p[:, None], q[None]
    terms = p * np.log((p + epsilon) / (q + epsilon)) + q * np.log((q + epsilon) / (p + epsilon))
    return 0.5 * (terms.sum(axis=3) * x.weight).sum(axis=2)


def to_tf32(values: np.ndarray) -> np.ndarray:
    """float32 rounded to the ten bits that a GPU keeps of it."""
    bits = (values.view(np.uint32) + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
    return bits.view(np.float32)


EPSILON = 2.2e-16


def divergences(targets: Histograms, sources: Histograms, epsilon: float = EPSILON) -> np.ndarray:
    """The definition, one pair and one direction at a time."""
    found = np.zeros((len(targets.images), len(sources.images)))
    for i, x in enumerate(targets.counts):
        for j, y in enumerate(sources.counts):
            for c, n in enumerate(targets.positions):
                p, q = x[c] / n, y[c] / n
                there = np.sum(p * np.log((p + epsilon) / (q + epsilon)))
                back = np.sum(q * np.log((q + epsilon) / (p + epsilon)))
                found[i, j] += targets.weight[c] / 2 * (there + back)
    return found
