"""How much a difference of two arms varies: with the seed, with the test images, and with both.

A difference d[s, i] of seed s and test image i (1 where one arm alone is right, -1 where the other
alone is) is taken to be the sum of the true difference, of what the seed adds to all images (of
variance A), of what the image adds with every seed (B), and of the rest (E). The mean over n seeds
and N images then has the variance A / n + B / N + E / (n N). Seeds' means vary by A + E / N: their
deviation tells the first and the last part, and what images add is B / N, without the last part,
which would count twice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

LEVEL = 0.95
POWER = 0.8
# So many equally likely deviations stand for all that a few seeds may show.
DEVIATIONS = 50
# A class of fewer test images tells too little of how it varies: of two, both are most often alike.
FEW = 10
# Shares squared: what is less was added up in another order.
NONE = 1e-20
_UPPER = (1 + LEVEL) / 2


@dataclass(frozen=True)
class Variation:
    """Variances of a difference of mean class accuracies, in shares squared.

    ``of_seeds``: of the difference from seed to seed on these test images, A + E / N; None where
    there is one seed, which tells nothing of it, and E / N alone where seeds happen to agree and
    images seem to add nothing. ``of_images``: of the mean over all seeds from one set of test
    images to another, without what changes with each seed too, B / N; with one seed it holds that
    part as well. ``freedom_of_images`` are its degrees of freedom.
    """

    seeds: int
    of_seeds: float | None
    of_images: float
    freedom_of_images: int

    @property
    def can_be_told(self) -> bool:
        """Whether the test images say how far the difference would move with others."""
        return self.freedom_of_images > 0

    def smallest_difference(self, seeds: int | None = None, power: float = POWER) -> float:
        """The smallest true difference that so many seeds (these) would find, a share.

        Found means that `sjft.reports.intervals.interval_over_both`, or over images where there is
        one seed, leaves out 0, with probability ``power``. It takes the deviations for those that
        were measured. From a single seed it is what more seeds find at best: if all that the
        images tell changed with each seed.
        """
        wanted = self.seeds if seeds is None else seeds
        of_seeds, of_images = self.of_seeds, self.of_images
        if of_seeds is None and wanted > 1:
            of_seeds, of_images = of_images, 0.0
        if of_seeds is None:
            return float((_normal(power) + _normal(_UPPER)) * np.sqrt(of_images))
        error = np.sqrt(of_seeds / wanted + of_images)
        if not error:
            return 0.0
        # Of so few seeds the deviation, and with it the interval, is now small and now large.
        chances = (np.arange(DEVIATIONS) + 0.5) / DEVIATIONS
        deviations = np.sqrt(of_seeds * stats.chi2.ppf(chances, wanted - 1) / (wanted - 1))
        halves = _half_widths(deviations / np.sqrt(wanted), np.sqrt(of_images), wanted - 1)

        def too_seldom(difference: float) -> float:
            return float(stats.norm.cdf((difference - halves) / error).mean()) - power

        return float(optimize.brentq(too_seldom, 0, halves.max() + 9 * error))


def _normal(share: float) -> float:
    return float(stats.norm.ppf(share))


def _half_widths(
    of_seeds: NDArray[np.float64], of_images: float, freedom: int
) -> NDArray[np.float64]:
    """The `LEVEL` interval's half width for errors [n] of the seeds, beside that of the images.

    A draw of Student's t, scaled by the one, and a normal one, scaled by the other, are at most
    this with probability (1 + `LEVEL`) / 2: found by halving, over Gauss and Hermite's nodes.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    weights = weights / weights.sum()
    scale = np.maximum(of_seeds, 1e-6 * (of_seeds.max() + of_images))[:, None]
    low = np.zeros(len(of_seeds))
    high = stats.t.ppf(_UPPER, freedom) * scale[:, 0] + _normal(_UPPER) * of_images
    for _ in range(40):
        middle = (low + high) / 2
        share = stats.t.cdf((middle[:, None] - of_images * nodes) / scale, freedom) @ weights
        low, high = np.where(share < _UPPER, middle, low), np.where(share < _UPPER, high, middle)
    return np.asarray((low + high) / 2)


def variation(differences: NDArray[np.float64], labels: NDArray[np.int64]) -> Variation:
    """The variation of ``differences`` [seeds, images], the images of classes ``labels`` [images].

    Classes count alike, whatever their size. Those of fewer than `FEW` images are taken to vary as
    all images of such classes do together: each alone would seem to vary by nothing where both of
    its two images happen to differ alike, although it counts as much as one of a hundred.
    """
    seeds = len(differences)
    of_images = of_rest = squares_of_rest = 0.0
    freedom = 0
    classes, sizes = np.unique(labels, return_counts=True)
    for label, images in zip(classes, sizes, strict=True):
        own = differences[:, labels == label]
        if images < 2:
            continue
        freedom += int(images) - 1
        by_image = own.mean(axis=0)
        of_images += float(by_image.var(ddof=1)) / images
        if seeds > 1:
            rest = own - by_image - own.mean(axis=1, keepdims=True) + own.mean()
            of_rest += float((rest**2).sum()) / ((seeds - 1) * (images - 1)) / (seeds * images)
            squares_of_rest += float((rest**2).sum()) / (seeds - 1) / seeds
    if freedom:
        of_rest += np.count_nonzero(sizes == 1) * squares_of_rest / freedom
    seen = of_images
    if differences.any():
        of_images += _unseen_of_few(differences.mean(axis=0), labels, classes[sizes < FEW])
    added, left = (x / len(classes) ** 2 for x in (max(0.0, of_images - of_rest), of_rest))
    by_seed = np.array([[d[labels == c].mean() for c in classes] for d in differences])
    between = float(by_seed.mean(axis=1).var(ddof=1)) if seeds > 1 else None
    if between is not None and between + max(0.0, seen - of_rest) / len(classes) ** 2 < NONE:
        # Both are estimates. That few seeds come to one figure by chance, each by other images, is
        # no sign that others would: their means vary by E / N at least, which the images tell.
        between = seeds * left if seeds * left >= NONE else 0.0
        added = added if added >= NONE else 0.0
    return Variation(seeds, between, added, freedom)


def _unseen_of_few(
    differences: NDArray[np.float64], labels: NDArray[np.int64], few: NDArray[np.int64]
) -> float:
    """What ``few``, the classes of few images, vary by beyond what each of them shows for itself.

    ``differences`` [images] are from -1 to 1. A sum over the classes, of variances of their means.
    The images of all ``few`` are taken to vary as these and two more do, one at either end: so few
    that are alike are no sign that others would be, and of many the two make no odds.
    """
    values = [differences[labels == label] for label in few]
    if not values:
        return 0.0
    images = np.concatenate(values)
    within = [(float(own.var()) * len(own), len(own)) for own in values]
    pooled = sum(squares for squares, _ in within) / max(1, len(images) - len(few))
    of_each = max((float(images.var()) * len(images) + 2) / (len(images) + 1), pooled)
    return sum(of_each / n - (squares / (n - 1) / n if n > 1 else 0.0) for squares, n in within)
