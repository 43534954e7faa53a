"""Intervals: against the formula, the exact bootstrap of a proportion, and what cannot vary."""

import numpy as np
import pytest
from scipy import stats

from sjft.reports.intervals import (
    interval_of_accuracy,
    interval_of_mean_share,
    interval_of_share,
    interval_over_images,
    interval_over_seeds,
    smallest_difference,
)


def test_the_interval_over_seeds_is_students() -> None:
    found = interval_over_seeds(np.array([1.0, 2.0, 3.0]))
    assert found is not None
    # t(2) at 97.5 % is 4.30265; s = 1, n = 3.
    assert (found.low, found.high) == pytest.approx((2 - 2.48414, 2 + 2.48414), abs=1e-4)


def test_one_seed_has_no_interval() -> None:
    assert interval_over_seeds(np.array([0.5])) is None


@pytest.mark.parametrize("ours", [5, 20, 35])
def test_the_bootstrap_of_a_share_is_binomial(ours: int) -> None:
    number = 40
    differences = np.where(np.arange(number) < ours, 1.0, -1.0)
    found = interval_over_images(differences, np.zeros(number, int), seed=0)
    assert found is not None
    exact = 2 * stats.binom.ppf([0.025, 0.975], number, ours / number) / number - 1
    assert (found.low, found.high) == pytest.approx(exact, abs=2 / number + 1e-9)


# Of so many images one arm alone tells some right, and the other alone none.
@pytest.mark.parametrize(("images", "more", "is_told"), [(400, 4, False), (400, 5, True)])
def test_a_handful_of_images_is_no_sign(images: int, more: int, is_told: bool) -> None:
    differences = -1.0 * (np.arange(images) < more)
    found = interval_over_images(differences, np.arange(images) % 4, seed=0)
    assert found is not None
    # Of 4 that one arm alone tells, all are the same one's by chance in 1 of 8 cases.
    assert (found.high < 0) == is_told
    assert found.low < -more / images < found.high


def test_classes_count_alike_and_are_drawn_apart() -> None:
    # Within a class nothing varies: only a draw across classes could move the mean.
    labels = np.array([0] * 9 + [1] * 3 + [2])
    differences = np.array([0.0] * 9 + [1.0] * 3 + [-1.0])
    found = interval_over_images(differences, labels, seed=0)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0, 0))


def test_the_variance_is_that_of_the_mean_of_class_means() -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat([0, 1], [40, 160])
    differences = rng.normal(0, 1, 200)
    found = interval_over_images(differences, labels, seed=1)
    assert found is not None
    classes = [differences[labels == label] for label in (0, 1)]
    error = np.sqrt(sum(c.var(ddof=1) / len(c) for c in classes)) / 2
    mean = np.mean([c.mean() for c in classes])
    assert (found.low, found.high) == pytest.approx(
        (mean - 1.96 * error, mean + 1.96 * error), abs=0.1 * error
    )


@pytest.mark.parametrize(("right", "images"), [(0, 7), (7, 7), (3, 40), (39, 40)])
def test_the_interval_of_a_share_is_wilsons(right: int, images: int) -> None:
    found = interval_of_share(right / images, images)
    expected = stats.binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    alone = interval_of_mean_share(np.arange(images) < right, np.zeros(images, int))
    assert (alone.low, alone.high) == pytest.approx((found.low, found.high), abs=1e-12)


def test_several_seeds_that_tell_all_images_right_are_no_point() -> None:
    labels = np.repeat([0, 1], 20)
    found = interval_of_accuracy(np.ones((3, 40)), labels, 0)
    assert found == interval_of_mean_share(np.ones(40), labels)
    assert found.low == pytest.approx(1 / (1 + 1.959964**2 / 40))


@pytest.mark.parametrize(
    ("sizes", "accuracy"),
    [([20] * 17, 0.99), ([20] * 17, 0.75), ([2] * 17, 0.9), ([2, 3, 5, 9, 16, 30, 90], 0.95)],
)
def test_a_mean_class_accuracy_is_covered_near_its_end_too(
    sizes: list[int], accuracy: float
) -> None:
    rng = np.random.default_rng(len(sizes))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    covered, repeats = 0, 1500
    for _ in range(repeats):
        of_class = rng.beta(20 * accuracy, 20 * (1 - accuracy), len(sizes))
        answers = (rng.random(len(labels)) < of_class[labels]).astype(float)
        found = interval_of_mean_share(answers, labels)
        covered += found.low <= of_class.mean() <= found.high
    # A bootstrap covers 0.85 of the first, 0.82 of the third.
    assert 0.93 <= covered / repeats <= 0.985


# How often one seed's interval covers the truth, as docs/results.md says.
@pytest.mark.parametrize(
    ("classes", "images", "covers"), [(17, 2, 0.97), (17, 4, 0.96), (3, 10, 0.96), (8, 60, 0.94)]
)
def test_the_interval_of_one_seed_covers_as_often_as_is_said(
    monkeypatch: pytest.MonkeyPatch, classes: int, images: int, covers: float
) -> None:
    monkeypatch.setattr("sjft.reports.intervals.RESAMPLES", 999)
    rng = np.random.default_rng(classes)
    labels = np.repeat(np.arange(classes), images)
    covered, repeats = 0, 600
    for number in range(repeats):
        # A share of each class's images is told by one arm alone, more of them by the first.
        differing = 0.4 * rng.beta(2, 2, classes)
        first = 0.625 * differing
        drawn = rng.random(len(labels))
        answers = np.where(
            drawn < first[labels], 1.0, np.where(drawn < differing[labels], -1.0, 0.0)
        )
        found = interval_over_images(answers, labels, number)
        truth = float((2 * first - differing).mean())
        covered += found is not None and found.low <= truth <= found.high
    assert covered / repeats == pytest.approx(covers, abs=0.03)


@pytest.mark.parametrize("rare", [1, 2, 4, 8])
def test_a_rare_class_is_not_sure_of_what_two_images_tell(
    monkeypatch: pytest.MonkeyPatch, rare: int
) -> None:
    monkeypatch.setattr("sjft.reports.intervals.RESAMPLES", 999)
    rng = np.random.default_rng(rare)
    labels = np.repeat([0, 1], [200, rare])
    covered = no_gain = 0
    for number in range(300):
        # Of the common class either arm tells some; of the rare one, the first tells 0.3 more.
        ours, others = np.where(labels == 0, 0.05, 0.45), np.where(labels == 0, 0.05, 0.15)
        drawn = rng.random(len(labels))
        differences = np.where(drawn < ours, 1.0, np.where(drawn < ours + others, -1.0, 0.0))
        found = interval_over_images(differences, labels, number)
        assert found is not None
        covered += found.low <= 0.15 <= found.high
        no_gain += found.high < 0.01
    # By what each class shows for itself it covers 0.5 and 0.8 for 2 and 4 of the rare one.
    assert covered / 300 >= 0.9
    assert no_gain / 300 <= 0.03


@pytest.mark.parametrize(("images", "classes"), [(2, 20), (4, 30)])
def test_few_images_a_class_are_covered_as_often_as_many(images: int, classes: int) -> None:
    rng = np.random.default_rng(images)
    labels = np.repeat(np.arange(classes), images)
    covered = 0
    for number in range(300):
        differences = rng.choice([-1.0, 0.0, 0.0, 1.0], images * classes)
        found = interval_over_images(differences, labels, number)
        covered += found is not None and found.low <= 0 <= found.high
    # A plain percentile bootstrap covers 0.87 and 0.92.
    assert 0.92 <= covered / 300 <= 0.99


def test_the_same_seed_gives_the_same_interval_and_single_images_none() -> None:
    rng = np.random.default_rng(3)
    differences, labels = rng.integers(-1, 2, 30).astype(float), np.arange(30) % 3
    assert interval_over_images(differences, labels, 7) == interval_over_images(
        differences, labels, 7
    )
    assert interval_over_images(differences, np.arange(30), 7) is None


def test_the_smallest_difference_is_found_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    seeds, deviation = 8, 2.0
    # By the true deviation: what is to be expected of the estimate from the seeds at hand.
    exact = smallest_difference(deviation * np.array([-1, 1] * 4) * np.sqrt(7 / 8))
    assert exact is not None
    found = 0
    for values in rng.normal(exact, deviation, (4000, seeds)):
        interval = interval_over_seeds(values)
        found += interval is not None and interval.low > 0
    assert found / 4000 == pytest.approx(0.8, abs=0.03)
    assert smallest_difference(np.array([1.0])) is None
