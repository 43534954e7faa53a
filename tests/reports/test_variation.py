"""What seeds and images add to a difference, the interval over both, and what could be seen."""

import numpy as np
import pytest
from scipy import stats

from sjft.reports.intervals import interval_over_both, interval_over_images, interval_over_seeds
from sjft.reports.variation import FEW, Variation, variation


def test_variation_tells_apart_what_seeds_and_what_images_add() -> None:
    rng = np.random.default_rng(2)
    of_seeds, of_images, rest, seeds, images = 0.02, 0.5, 0.3, 400, 300
    differences = (
        rng.normal(0, of_seeds, (seeds, 1))
        + rng.normal(0, of_images, images)
        + rng.normal(0, rest, (seeds, images))
    )
    labels = np.arange(images) % 5
    found = variation(differences, labels)
    assert found.of_seeds == pytest.approx(of_seeds**2 + rest**2 / images, rel=0.15)
    assert found.of_images == pytest.approx(of_images**2 / images, rel=0.2)
    one = variation(differences[:1], labels)
    assert one.of_seeds is None
    assert one.of_images == pytest.approx((of_images**2 + rest**2) / images, rel=0.25)


def variances_by_definition(
    differences: np.ndarray, labels: np.ndarray
) -> tuple[float | None, float]:
    """Of the mean over classes, from seed to seed and from one set of images to another.

    Sums of squares of a table of seeds and images, one for each class: what images vary by is the
    deviation of their means, less what is left of seeds and images together.
    """
    seeds, classes = len(differences), sorted(set(labels.tolist()))
    own = {c: differences[:, labels == c].tolist() for c in classes}
    of_images = 0.0
    for c in classes:
        table, n = own[c], len(own[c][0])
        mean = sum(map(sum, table)) / (seeds * n)
        columns = [sum(row[i] for row in table) / seeds for i in range(n)]
        rows = [sum(row) / n for row in table]
        rest = sum(
            (table[s][i] - rows[s] - columns[i] + mean) ** 2 for s in range(seeds) for i in range(n)
        )
        by_image = sum((value - mean) ** 2 for value in columns) / (n - 1)
        by_rest = rest / ((seeds - 1) * (n - 1)) if seeds > 1 else 0.0
        of_images += (by_image - by_rest / seeds) / n
    means = [
        sum(sum(own[c][s]) / len(own[c][s]) for c in classes) / len(classes) for s in range(seeds)
    ]
    mean = sum(means) / seeds
    of_seeds = sum((m - mean) ** 2 for m in means) / (seeds - 1) if seeds > 1 else None
    return of_seeds, max(0.0, of_images) / len(classes) ** 2


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_variances_are_those_of_the_definition(seeds: int) -> None:
    for draw in range(40):
        rng = np.random.default_rng([seeds, draw])
        sizes = rng.integers(FEW, FEW + 6, 5)
        labels = rng.permutation(np.repeat(np.arange(5), sizes))
        images = rng.normal(0, rng.choice([0.0, 1.0]), len(labels))
        differences = images + rng.normal(0, 1, (seeds, 1)) + rng.normal(0, 1, (seeds, len(labels)))
        found = variation(differences, labels)
        of_seeds, of_images = variances_by_definition(differences, labels)
        assert found.of_seeds == (None if seeds == 1 else pytest.approx(of_seeds, rel=1e-9))
        assert found.of_images == pytest.approx(of_images, rel=1e-9, abs=1e-15)


def test_the_interval_over_both_is_students_where_images_are_alike() -> None:
    # Of each class all images differ alike in a seed: nothing but the seeds varies.
    labels = np.repeat(np.arange(3), [2, 3, 9])
    by_class = np.array([[0.1, 0.4, 0.1], [0.3, 0.5, 0.1], [0.2, 0.0, 0.7]])
    found = interval_over_both(by_class[:, labels], labels, 0)
    of_seeds = interval_over_seeds(by_class.mean(axis=1))
    assert found is not None and of_seeds is not None
    middle, half = by_class.mean(), (of_seeds.high - of_seeds.low) / 2
    # By draws: of so few degrees of freedom the quantile is known to a tenth.
    assert (found.low, found.high) == pytest.approx((middle - half, middle + half), abs=0.1 * half)


def test_the_interval_over_both_is_that_over_images_where_seeds_are_alike() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), [3, 5, 1, 20])
    differences = rng.integers(-1, 2, len(labels)).astype(float)
    both = interval_over_both(np.tile(differences, (3, 1)), labels, 7)
    images = interval_over_images(differences, labels, 7)
    assert both is not None and images is not None
    assert (both.low, both.high) == pytest.approx((images.low, images.high))


def test_more_seeds_see_less_but_never_less_than_the_images_allow() -> None:
    known = Variation(seeds=3, of_seeds=0.02**2, of_images=0.01**2, freedom_of_images=264)
    seen = [known.smallest_difference(seeds) for seeds in (2, 3, 5, 20, 1000)]
    assert seen == sorted(seen, reverse=True)
    assert seen[1] == known.smallest_difference()
    assert seen[-1] == pytest.approx(2.8 * 0.01, rel=0.03)
    # Where nothing comes of the images: the noncentral t that statistics programs have.
    smallest = Variation(5, 0.02**2, 0.0, 264).smallest_difference()
    noncentrality = smallest / (0.02 / np.sqrt(5))
    assert stats.nct.sf(stats.t.ppf(0.975, 4), 4, noncentrality) == pytest.approx(0.8, abs=0.003)
    # Of one seed: the images alone, and more seeds see less at best.
    one = Variation(1, None, 0.02**2, 264)
    assert one.smallest_difference() == pytest.approx((1.95996 + 0.84162) * 0.02, rel=1e-4)
    assert one.smallest_difference(5) == pytest.approx(smallest)
    assert Variation(3, 0.0, 0.0, 264).smallest_difference() == 0
