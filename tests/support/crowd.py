"""Histograms whose order rounding would decide: solid colours, near copies, copies, and others."""

import numpy as np

from sjft.retrieval.histograms import Histograms

POSITIONS, BINS = (3025,) * 8 + (12321,) * 4, 50
WEIGHT = (0.5 / 8,) * 8 + (0.5 / 4,) * 4


def histograms_of(counts: np.ndarray) -> Histograms:
    """Histograms of these counts, uint16 [images, channels, bins], numbered from 0."""
    images = np.arange(len(counts), dtype=np.int32)
    return Histograms(
        images, counts.astype(np.uint16), np.array(POSITIONS), np.array(WEIGHT), "bins", "digest"
    )


def photographs(rng: np.random.Generator, images: int) -> np.ndarray:
    """Counts of images with detail."""
    return np.stack(
        [rng.multinomial(n, rng.dirichlet(np.full(BINS, 0.5), images)) for n in POSITIONS],
        axis=1,
    )


def solid(rng: np.random.Generator, images: int) -> np.ndarray:
    """All of a channel's responses in one bin."""
    counts = np.zeros((images, len(POSITIONS), BINS), np.int64)
    for image in counts:
        image[np.arange(len(POSITIONS)), rng.integers(0, BINS, len(POSITIONS))] = POSITIONS
    return counts


def moved(rng: np.random.Generator, counts: np.ndarray) -> np.ndarray:
    """The same images with one response of each in another bin."""
    counts = counts.copy()
    for image in counts:
        channel = image[rng.integers(len(POSITIONS))]
        channel[rng.choice(np.flatnonzero(channel))] -= 1
        channel[rng.integers(BINS)] += 1
    return counts


def crowd(seed: int, of_each: int = 12) -> Histograms:
    """Photographs, solid colours, copies and near copies of both, in no order."""
    rng = np.random.default_rng(seed)
    originals = np.concatenate([photographs(rng, of_each), solid(rng, of_each)])
    near = [moved(rng, originals) for _ in range(3)]
    copies = [originals[rng.integers(0, len(originals), 4 * of_each)] for _ in range(2)]
    counts = np.concatenate([originals, *near, *copies])
    return histograms_of(counts[rng.permutation(len(counts))])
