"""Confidence intervals: over seeds, over test images, and over both.

Neither of the first two covers the other's variation.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sjft.reports.variation import LEVEL, POWER, variation

RESAMPLES = 9999
# So many resamples at a time: Flowers 102's 6,149 test images would take 500 MB at once.
BATCH = 500


@dataclass(frozen=True)
class Interval:
    """Both ends of an interval at `LEVEL`."""

    low: float
    high: float


def interval_over_seeds(values: NDArray[np.float64]) -> Interval | None:
    """Student's t interval of the mean of ``values`` [seeds]; None for a single one.

    mean +- t(n - 1) s / sqrt(n). It speaks of other seeds on these very test images.
    """
    if len(values) < 2:
        return None
    mean, error = values.mean(), values.std(ddof=1) / np.sqrt(len(values))
    half = stats.t.ppf((1 + LEVEL) / 2, len(values) - 1) * error
    return Interval(float(mean - half), float(mean + half))


def smallest_difference(differences: NDArray[np.float64], power: float = POWER) -> float | None:
    """The smallest true difference that so many seeds would find with probability ``power``.

    (t(1 - a/2) + t(power)) s / sqrt(n) with n - 1 degrees of freedom, a = 1 - `LEVEL`: from the
    deviation s of the seeds' ``differences`` [seeds]. None for a single one.
    """
    seeds = len(differences)
    if seeds < 2:
        return None
    quantiles = stats.t.ppf((1 + LEVEL) / 2, seeds - 1) + stats.t.ppf(power, seeds - 1)
    return float(quantiles * differences.std(ddof=1) / np.sqrt(seeds))


def interval_over_images(
    differences: NDArray[np.float64], labels: NDArray[np.int64], seed: int
) -> Interval | None:
    """Percentile bootstrap of a difference of mean class accuracies; None without a class of two.

    ``differences`` [images] are one arm's answers (1 right, 0 wrong) less the other's on the same
    image, averaged over the seeds; ``labels`` [images] the classes. Images are drawn anew class by
    class, since classes count alike whatever their size. It speaks of other test images for
    these very trainings. A class with a single image cannot vary.
    """
    by_class = [differences[labels == label] for label in np.unique(labels)]
    several = [values for values in by_class if len(values) > 1]
    if not several:
        return None
    fixed = sum(float(values[0]) for values in by_class if len(values) == 1)

    def mean_over_classes(*classes: NDArray[np.float64], axis: int = -1) -> Any:
        return (fixed + sum(values.mean(axis=axis) for values in classes)) / len(by_class)

    found = stats.bootstrap(
        several,
        mean_over_classes,
        n_resamples=RESAMPLES,
        batch=BATCH,
        confidence_level=LEVEL,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def interval_over_both(
    differences: NDArray[np.float64], labels: NDArray[np.int64], seed: int
) -> Interval | None:
    """Interval of a difference of mean class accuracies for other seeds and other test images.

    ``differences`` [seeds, images] as `sjft.reports.variation` has them, ``labels`` [images] the
    classes. None for a single seed, of whose spread nothing is known, and where no class has two
    images.

    Each of `RESAMPLES` draws adds to the measured difference what other images would change, by a
    bootstrap class by class, and what other seeds would: s / sqrt(n) times a draw of Student's t
    with n - 1 degrees of freedom. To draw three seeds anew among themselves would make a third of
    their variance disappear, and know nothing of how badly three tell it. The images' share is
    scaled to its unbiased variance, without the part that the seeds' deviation holds already.
    """
    found = variation(differences, labels)
    if found.of_seeds is None or not found.can_be_told:
        return None
    rng = np.random.default_rng(seed)
    images = _changes_by_images(differences.mean(axis=0), labels, rng)
    deviation = images.std()
    if deviation > 0:
        images *= np.sqrt(found.of_images) / deviation
    seeds = rng.standard_t(found.seeds - 1, RESAMPLES) * np.sqrt(found.of_seeds / found.seeds)
    centre = np.mean([differences[:, labels == label].mean() for label in np.unique(labels)])
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(centre + images + seeds, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _changes_by_images(
    differences: NDArray[np.float64], labels: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """What drawing each class's images anew changes in the mean over classes [`RESAMPLES`].

    Differences have few values: how often each is drawn is multinomial, however many images.
    """
    changes = np.zeros(RESAMPLES)
    classes = np.unique(labels)
    for label in classes:
        own = differences[labels == label]
        values, times = np.unique(own, return_counts=True)
        drawn = rng.multinomial(len(own), times / len(own), RESAMPLES)
        changes += drawn @ values / len(own) - own.mean()
    return changes / len(classes)
