"""Confidence intervals: over seeds, over test images, and over both.

Neither of the first two covers the other's variation.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sjft.reports.variation import LEVEL, POWER, variation

RESAMPLES = 9999
# Who borrows for less than this much accuracy has not been helped.
WORTH_IT = 0.01
# Of fewer images that one arm alone tells right, a bootstrap knows too little.
FEW_SEEN = 5


@dataclass(frozen=True)
class Interval:
    """Both ends of an interval at `LEVEL`."""

    low: float
    high: float

    def within(self, low: float, high: float) -> "Interval":
        """As far as it lies between the ends of what there can be."""
        return Interval(max(low, self.low), min(high, self.high))


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
    these very trainings. What the draws change is scaled to its unbiased variance: a bootstrap of
    n images has (n - 1) / n of it, half for two images a class.
    """
    found = variation(differences[None], labels)
    if not found.can_be_told:
        return None
    changes = _changes_by_images(differences, labels, found.of_images, np.random.default_rng(seed))
    return _between(_mean_over_classes(differences[None], labels) + changes)


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
    images = _changes_by_images(differences.mean(axis=0), labels, found.of_images, rng)
    seeds = rng.standard_t(found.seeds - 1, RESAMPLES) * np.sqrt(found.of_seeds / found.seeds)
    return _between(_mean_over_classes(differences, labels) + images + seeds)


def interval_of_share(share: float, images: float) -> Interval:
    """Wilson's score interval of a share that was seen of so many images, which may be a fraction.

    Never a point, and never beyond 0 and 1, also where all images are told alike.
    """
    z = float(stats.norm.ppf((1 + LEVEL) / 2))
    middle = share + z**2 / (2 * images)
    half = z * np.sqrt(share * (1 - share) / images + (z / (2 * images)) ** 2)
    found = Interval(float(middle - half), float(middle + half))
    return Interval(*(end / (1 + z**2 / images) for end in (found.low, found.high))).within(0, 1)


def interval_of_mean_share(answers: NDArray[np.float64], labels: NDArray[np.int64]) -> Interval:
    """Interval of a mean class accuracy for other test images: `interval_of_share`.

    ``answers`` [images] are 1 where right, ``labels`` [images] the classes. It is that of so many
    images, C^2 / sum 1 / n_c, as have the variance of this mean where all classes are equally hard,
    and a little too wide where not. A bootstrap is too narrow where few images are wrong, or
    classes have few.
    """
    return interval_of_share(_mean_over_classes(answers[None], labels), images_worth(labels))


def images_worth(labels: NDArray[np.int64]) -> float:
    """C^2 / sum 1 / n_c: so many images, equally many a class, tell a mean over classes as well."""
    _, numbers = np.unique(labels, return_counts=True)
    return float(len(numbers) ** 2 / (1 / numbers).sum())


def interval_of_accuracy(
    answers: NDArray[np.float64], labels: NDArray[np.int64], seed: int
) -> Interval:
    """Interval of a mean class accuracy, for other test images, and other seeds where several are.

    ``answers`` [seeds, images] are 1 where right, ``labels`` [images] the classes: of several seeds
    `interval_over_both`, of one, or where that is a point, `interval_of_mean_share`.
    """
    found = interval_over_both(2 * answers - 1, labels, seed)  # from -1 to 1, as differences
    if found is None or found.low == found.high:
        return interval_of_mean_share(answers.mean(axis=0), labels)
    return Interval((1 + found.low) / 2, (1 + found.high) / 2).within(0.0, 1.0)


def says_nothing(
    differences: NDArray[np.float64], labels: NDArray[np.int64], interval: Interval | None
) -> bool:
    """Whether an interval of ``differences`` [seeds, images] is a point that says nothing.

    Where arms differ by whole classes, with each seed alike, no image of a class says how another
    one would do. Where they answer all images alike, the point stands if so many images leave room
    for a difference of less than `WORTH_IT` on others: none of n differs with a probability of
    (1 - p)^n where a share p of all does, so that at `LEVEL` p is below
    1 - ((1 - `LEVEL`) / 2)^(1 / n), Clopper and Pearson's upper end: from 368 images on, of classes
    of one size (`images_worth`).
    """
    if interval is None or interval.low < interval.high:
        return False
    images = images_worth(labels)
    return bool(differences.any()) or 1 - ((1 - LEVEL) / 2) ** (1 / images) >= WORTH_IT


def _between(draws: NDArray[np.float64]) -> Interval:
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return Interval(float(low), float(high))


def _mean_over_classes(differences: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    return float(np.mean([differences[:, labels == label].mean() for label in np.unique(labels)]))


def _changes_by_images(
    differences: NDArray[np.float64],
    labels: NDArray[np.int64],
    variance: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """What drawing each class's images anew changes in the mean over classes [`RESAMPLES`].

    Scaled to a ``variance``. Differences have few values: how often each is drawn is multinomial,
    however many images.
    """
    changes = np.zeros(RESAMPLES)
    classes = np.unique(labels)
    for label in classes:
        own = differences[labels == label]
        values, times = np.unique(own, return_counts=True)
        drawn = rng.multinomial(len(own), times / len(own), RESAMPLES)
        changes += drawn @ values / len(own) - own.mean()
    deviation = changes.std()
    if not deviation > 0:
        return np.zeros(RESAMPLES)
    scaled = changes * (np.sqrt(variance) / deviation)
    return np.asarray(scaled + _unseen(differences, labels, rng))


def _unseen(
    differences: NDArray[np.float64], labels: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64] | float:
    """What images of a kind change of which few or none were seen [`RESAMPLES`]; most often 0.

    A bootstrap draws what was seen. Where no image of n is told by one arm alone, it is sure that
    none of all is, although 3 / n may be, by the rule of three. So each arm is given an image more,
    weighed as an exponential draw, where either has fewer than `FEW_SEEN`.
    """
    seen = min(np.count_nonzero(differences > 0), np.count_nonzero(differences < 0))
    if seen >= FEW_SEEN:
        return 0.0
    one_more = rng.standard_exponential((2, RESAMPLES))
    return np.asarray((one_more[0] - one_more[1]) / images_worth(labels), np.float64)
