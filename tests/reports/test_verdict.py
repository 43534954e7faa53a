"""The verdict: its words and figures, what it compares, and that its intervals and power hold.

The slow tests draw seeds and test images from a population whose true difference is known. With
1,000 draws of 8 classes of 25 images and 2,000 resamples the interval over both covered it in 94
to 97 of 100, and the smallest difference was found in 77 to 82 of 100, where 80 are meant.
"""

import json

import numpy as np
import pytest
from evaluated_runs import answering
from scipy import stats

from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities
from sjft.reports.intervals import (
    Interval,
    interval_over_both,
    interval_over_images,
    interval_over_seeds,
)
from sjft.reports.variation import Variation, variation
from sjft.reports.verdict import Comparison, compare, is_behind, points, sentence, verdict


def right(of: int, first: int) -> np.ndarray:
    """The first ``first`` of so many images are answered rightly."""
    return np.arange(of) < first


def compared(*shares: tuple[float, float], images: int = 272, seed: int = 0) -> Comparison:
    """`selective` and `fine-tune`, seed by seed, each right on a random share of the images."""
    rng = np.random.default_rng(seed)
    ours = np.array([rng.permutation(right(images, round(a * images))) for a, _ in shares])
    other = np.array([rng.permutation(right(images, round(b * images))) for _, b in shares])
    labels = np.arange(images) % 4
    seeds = list(range(len(shares)))
    return compare("selective", "fine-tune", seeds, ours * 1.0, other * 1.0, labels)


def test_one_seed_says_what_it_cannot_know() -> None:
    found = verdict(
        {
            ("selective", 0): answering(right(272, 194)),
            ("fine-tune", 0): answering(np.roll(right(272, 204), 20)),
        },
        published="selective",
    )
    (comparison,) = found.comparisons
    assert comparison.over_seeds is comparison.over_both is None
    assert comparison.interval == comparison.over_images
    (told,) = found.sentences
    assert "fine-tune 75.0, selective 71.3: -3.7 points, 95 % between -" in told
    assert "one seed of 272 test images cannot see less than " in told
    assert "how far seeds differ is unknown" in told
    assert "an ablation with 5 seeds would see " in told and told.endswith(" at best.")


def test_so_few_images_that_no_difference_is_seen_are_said_to_be_so() -> None:
    labels = np.arange(4) % 2
    answers, others = np.array([[1.0, 0, 0, 1]]), np.array([[0.0, 1, 1, 0]])
    told = sentence(compare("selective", "fine-tune", [0], answers, others, labels))
    assert "one seed of 4 test images can see no difference, however large" in told
    assert told.endswith("5 seeds would see none either: more test images are needed.")


@pytest.mark.parametrize(
    ("shares", "outcome", "begins"),
    [
        ([(0.95, 0.5)], "helped", "Borrowing helped in this one training: "),
        ([(0.5, 0.95)], "hurt", "Borrowing hurt in this one training: "),
        ([(0.75, 0.74)], "cannot be told", "Whether borrowing helped cannot be told in this"),
        ([(0.9, 0.6), (0.91, 0.62), (0.9, 0.61)], "helped", "Borrowing helped here: "),
        ([(0.9, 0.6), (0.6, 0.9)], "cannot be told", "Whether borrowing helped cannot be told"),
        # The images tell these two trainings apart, and the seeds do not tell of others.
        ([(0.9, 0.6), (0.7, 0.62)], "cannot be told", "Whether borrowing helped cannot be told h"),
    ],
)
def test_the_words_follow_from_the_interval(
    shares: list[tuple[float, float]], outcome: str, begins: str
) -> None:
    comparison = compared(*shares)
    assert comparison.outcome == outcome
    assert sentence(comparison).startswith(begins)


def test_a_loss_that_may_be_none_but_is_no_gain_is_no_help() -> None:
    # Of 272 images each arm alone is right on some: 13 and 23 more.
    ours, other = right(272, 13) * 1.0, np.roll(right(272, 23), 100) * 1.0
    both = np.roll(right(272, 180), 80)  # a few of these stand in the others' places
    labels = np.arange(272) % 8
    answers = np.maximum([ours], both * (1 - other))
    others = np.maximum([other], both * (1 - ours))
    found = compare("selective", "fine-tune", [0], answers, others, labels)
    assert found.outcome == "did not help"
    assert found.interval is not None and found.interval.low < 0 < found.interval.high < 0.01
    assert sentence(found).startswith("Borrowing did not help in this one training: fine")


def test_several_seeds_have_three_intervals_and_the_widest_decides() -> None:
    comparison = compared((0.9, 0.7), (0.85, 0.74), (0.95, 0.7))
    seeds, images, both = comparison.over_seeds, comparison.over_images, comparison.over_both
    assert seeds is not None and images is not None and both is not None
    assert comparison.interval == both
    assert both.high - both.low > max(seeds.high - seeds.low, images.high - images.low)
    assert both.low < comparison.difference < both.high
    text = sentence(comparison)
    assert "3 seeds of 272 test images cannot see less than " in text
    assert "unknown" not in text and "at best" not in text


@pytest.mark.parametrize(("seeds", "more"), [(1, 5), (4, 5), (5, 6), (7, 8)])
def test_more_seeds_are_more_than_there_are(seeds: int, more: int) -> None:
    rng = np.random.default_rng(1)
    ours, other = rng.integers(0, 2, (2, seeds, 60)).astype(float)
    labels = np.arange(60) % 4
    comparison = compare("selective", "fine-tune", list(range(seeds)), ours, other, labels)
    assert comparison.more_seeds == more
    found = variation(ours - other, labels)
    assert comparison.smallest == found.smallest_difference()
    assert comparison.with_more_seeds == found.smallest_difference(more)
    assert f"an ablation with {more} seeds would see" in sentence(comparison)


def test_what_is_compared_with_what() -> None:
    runs = {
        (arm, seed): answering(right(8, 4 + seed))
        for arm, seeds in {
            "selective": (0, 1, 2),
            "fine-tune": (0, 1),
            "random-source": (1,),
            "all-source": (2,),
        }.items()
        for seed in seeds
    }

    def pairs(published: str) -> list[tuple[str, str, list[int]]]:
        found = verdict(runs, published).comparisons
        return [(c.arm, c.against, c.seeds) for c in found]

    of_method = [("selective", "fine-tune", [0, 1]), ("selective", "random-source", [1])]
    assert pairs("selective") == of_method
    assert pairs("fine-tune") == of_method
    assert pairs("random-source") == [("random-source", "fine-tune", [1]), *of_method]
    assert pairs("all-source") == of_method  # no other arm has its seed
    alone = {key: found for key, found in runs.items() if key[0] == "selective"}
    assert verdict(alone, "selective").comparisons == []
    with pytest.raises(UserError, match="no run to compare"):
        verdict({}, "selective")


def test_images_are_brought_into_one_order_and_others_refused() -> None:
    ours, other = answering(right(6, 3)), answering(right(6, 3))
    turned = Probabilities(
        other.paths[::-1], other.labels[::-1], other.values[::-1], other.class_names
    )
    found = verdict({("selective", 0): ours, ("fine-tune", 0): turned}, "selective")
    assert found.comparisons[0].difference == 0
    assert "both answer alike" in found.sentences[0]
    with pytest.raises(UserError, match="other images"):
        verdict({("selective", 0): ours, ("fine-tune", 0): answering(right(8, 3))}, "selective")


def test_classes_count_alike() -> None:
    labels = np.array([0] * 9 + [1])
    ours = np.array([[1.0] * 9 + [0.0]])
    found = compare("selective", "fine-tune", [0], ours, np.ones((1, 10)), labels)
    assert (found.accuracy, found.other_accuracy, found.difference) == (0.5, 1.0, -0.5)


def test_a_single_image_a_class_says_nothing_of_others() -> None:
    ones = np.ones((1, 3))
    found = compare("selective", "fine-tune", [0], ones, 0 * ones, np.arange(3))
    assert (found.outcome, found.interval, found.smallest) == ("cannot be told", None, None)
    text = sentence(found)
    assert "no class has test images that differ" in text and "says nothing of other images" in text


def test_one_test_image_is_told_in_the_singular() -> None:
    found = compare("selective", "fine-tune", [0], np.ones((1, 1)), np.zeros((1, 1)), np.arange(1))
    assert "; one seed of 1 test image says nothing of other images." in sentence(found)


@pytest.mark.parametrize("seeds", [1, 2])
def test_arms_that_differ_by_whole_classes_say_nothing_of_other_images(seeds: int) -> None:
    labels = np.repeat(np.arange(4), 6)
    for ours, theirs in (([1, 1, 0, 0], [1, 0, 0, 0]), ([1, 0, 0, 0], [0, 1, 0, 0])):
        given = [np.tile(np.repeat(known, 6).astype(float), (seeds, 1)) for known in (ours, theirs)]
        found = compare("selective", "fine-tune", list(range(seeds)), *given, labels)
        assert (found.outcome, found.interval, found.smallest) == ("cannot be told", None, None)
        assert "alike" not in sentence(found)
    same = compare("selective", "fine-tune", list(range(seeds)), given[0], given[0], labels)
    assert same.outcome == "cannot be told" and "both answer alike" in sentence(same)


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize(("images", "outcome"), [(367, "cannot be told"), (368, "did not help")])
def test_arms_that_answer_alike_are_no_gain_only_where_the_images_are_many(
    images: int, outcome: str, seeds: int
) -> None:
    # 0.99^367 is more than 0.025: a hundredth of all images may be told by one arm alone.
    answers = np.tile(right(images, images // 2) * 1.0, (seeds, 1))
    labels = np.arange(images) % 4
    found = compare("selective", "fine-tune", list(range(seeds)), answers, answers, labels)
    assert found.outcome == outcome
    assert (found.interval is None) == (outcome == "cannot be told")
    assert sentence(found).endswith(f"of {images} test images both answer alike.")


# Images of three classes of five that are told right in each of two seeds: a fifth of all, either
# of one class by other images, or of all classes, whose means have another sum of floats.
@pytest.mark.parametrize(
    "told", [([0, 1, 2], [2, 3, 4]), ([0, 1, 2], [4, 5, 10])], ids=["one class", "all classes"]
)
def test_two_seeds_that_come_to_one_figure_by_chance_are_not_sure_of_it(
    told: tuple[list[int], list[int]],
) -> None:
    labels = np.repeat(np.arange(3), 5)
    ours = np.array([np.isin(np.arange(15), of_seed) for of_seed in told], float)
    found = compare("selective", "fine-tune", [0, 1], ours, 0 * ours, labels)
    assert found.difference == pytest.approx(0.2)
    assert found.outcome == "cannot be told"
    assert found.over_both is not None and found.over_both.low < 0 < found.over_both.high
    assert found.smallest is not None and found.smallest > 0.2
    assert "alike" not in sentence(found) and "nothing of other images" not in sentence(found)


def test_no_interval_goes_beyond_100_points() -> None:
    found = compared((0.9, 0.2), (0.3, 0.6))  # +70 and -30 points: Student's t of two seeds
    assert (found.over_seeds, found.over_both) == (Interval(-1, 1), Interval(-1, 1))
    assert "95 % between -100.0 and +100.0;" in sentence(found)


def test_an_arm_is_behind_another_only_where_that_is_told() -> None:
    runs = {
        ("selective", 0): answering(right(272, 150)),
        ("fine-tune", 0): answering(right(272, 152)),
        ("all-source", 0): answering(right(272, 240)),
        ("random-source", 1): answering(right(272, 240)),
    }
    assert not is_behind(runs, "selective", "fine-tune")
    assert is_behind(runs, "selective", "all-source")
    assert not is_behind(runs, "selective", "random-source")  # no seed in common


def test_classes_of_few_test_images_vary_as_all_of_such_do_together() -> None:
    labels = np.repeat(np.arange(4), [2, 1, 3, 100])
    differences = np.random.default_rng(0).integers(-1, 2, (1, 106)).astype(float)
    of_few, of_many = differences[0, :6], differences[0, 6:]
    # Those six and two more, one at either end.
    expected = (6 * of_few.var() + 2) / 7 * (1 / 2 + 1 + 1 / 3) + of_many.var(ddof=1) / 100
    found = variation(differences, labels)
    assert found.of_images * 4**2 == pytest.approx(expected)
    assert found.freedom_of_images == 1 + 2 + 99


@pytest.mark.parametrize("seeds", [1, 3])
@pytest.mark.parametrize("images", [20, 60, 200])
def test_one_image_that_is_told_wrong_is_no_sign_that_borrowing_does_not_help(
    images: int, seeds: int
) -> None:
    others = np.ones((seeds, images))
    ours = others.copy()
    ours[:, 0] = 0
    found = compare(
        "selective", "fine-tune", list(range(seeds)), ours, others, np.arange(images) % 2
    )
    assert found.outcome == "cannot be told"  # as where all are told alike
    assert found.interval is not None and found.interval.high > 0.01


def test_arms_that_answer_alike_say_nothing_of_a_rare_class() -> None:
    labels = np.repeat([0, 1], [398, 2])  # the two count as much as the others together
    same = np.ones((1, 400))
    found = compare("selective", "fine-tune", [0], same, same, labels)
    assert (found.outcome, found.interval) == ("cannot be told", None)
    assert sentence(found).endswith("both answer alike.")


def test_the_same_runs_make_the_same_bytes() -> None:
    runs = {
        (arm, seed): answering(np.random.default_rng([place, seed]).random(60) < 0.7)
        for place, arm in enumerate(("selective", "fine-tune"))
        for seed in range(3)
    }
    first = json.dumps(verdict(runs, "selective").plain())
    assert json.dumps(verdict(dict(reversed(runs.items())), "selective").plain()) == first
    assert "Infinity" not in first and "NaN" not in first


def test_points_have_a_sign_only_where_they_have_a_size() -> None:
    assert [points(x, sign=True) for x in (0.0351, -0.0351, -0.0004, 0.0)] == [
        *("+3.5", "-3.5", "0.0", "0.0")
    ]
    assert points(0.7512) == "75.1"


TRUTH = 0.04  # of the difference, in the population that `drawn` draws from


def drawn(
    rng: np.random.Generator, seeds: int, *, truth: float = TRUTH, spread: float = 0.15
) -> tuple[np.ndarray, np.ndarray]:
    """Differences [seeds, images] of two arms, and labels, of new seeds and new test images.

    An answer is right where the arm's ability, the image's ease (to both, and to each arm), the
    training's luck (of deviation ``spread``) and chance come to more than 0.
    """
    easy, to_an_arm, classes, per_class = 1.0, 0.5, 8, 25
    scale = np.sqrt(1 + easy**2 + to_an_arm**2 + spread**2)
    images = classes * per_class
    ease = rng.normal(0, easy, images)
    differences = np.zeros((seeds, images))
    for sign, share in ((1, 0.75 + truth), (-1, 0.75)):
        ability = stats.norm.ppf(share) * scale + ease + rng.normal(0, to_an_arm, images)
        luck = rng.normal(0, spread, (seeds, 1)) + rng.normal(0, 1, (seeds, images))
        differences += sign * (ability + luck > 0)
    return differences, np.repeat(np.arange(classes), per_class)


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "spread"), [(2, 0.15), (3, 0.0), (3, 0.4), (5, 0.15)])
def test_the_interval_over_both_covers_the_truth_as_often_as_it_says(
    monkeypatch: pytest.MonkeyPatch, seeds: int, spread: float
) -> None:
    monkeypatch.setattr("sjft.reports.intervals.RESAMPLES", 999)
    rng = np.random.default_rng(seeds)
    repeats, covered = 400, 0
    for number in range(repeats):
        found = interval_over_both(*drawn(rng, seeds, spread=spread), number)
        assert found is not None
        covered += found.low <= TRUTH <= found.high
    # Where seeds differ by chance alone, images and seeds vary alike, and it is a little too wide.
    assert 0.92 <= covered / repeats <= 0.98


@pytest.mark.slow
def test_each_narrower_interval_covers_only_what_it_speaks_of(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sjft.reports.intervals.RESAMPLES", 999)
    rng = np.random.default_rng(0)
    repeats, over_images, lucky, over_seeds = 400, 0, 0, 0
    for number in range(repeats):
        # One seed covers where trainings do not differ, and too seldom where they do.
        for spread in (0.0, 0.4):
            differences, labels = drawn(rng, 1, spread=spread)
            found = interval_over_images(differences[0], labels, number)
            assert found is not None
            covers = found.low <= TRUTH <= found.high
            over_images += covers and not spread
            lucky += covers and bool(spread)
        # Many seeds know these test images well, and not the others.
        seeds = interval_over_seeds(drawn(rng, 40, spread=0.0)[0].mean(axis=1))
        assert seeds is not None
        over_seeds += seeds.low <= TRUTH <= seeds.high
    assert 0.92 <= over_images / repeats <= 0.97
    assert lucky / repeats < 0.7
    assert over_seeds / repeats < 0.8


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (3, 0.15), (5, 0.4)])
def test_the_smallest_difference_is_seen_as_often_as_it_says(
    monkeypatch: pytest.MonkeyPatch, seeds: int, spread: float
) -> None:
    monkeypatch.setattr("sjft.reports.intervals.RESAMPLES", 999)
    rng = np.random.default_rng(seeds)

    def said(truth: float) -> float:
        """What such runs say on average."""
        found = [variation(*drawn(rng, seeds, truth=truth, spread=spread)) for _ in range(200)]
        of_seeds = float(np.mean([v.of_seeds for v in found])) if seeds > 1 else None
        of_images = float(np.mean([v.of_images for v in found]))
        return Variation(seeds, of_seeds, of_images, 192).smallest_difference()

    truth = said(said(0.05))
    seen, repeats = 0, 400
    for number in range(repeats):
        differences, labels = drawn(rng, seeds, truth=truth, spread=spread)
        found = (
            interval_over_both(differences, labels, number)
            if seeds > 1
            else interval_over_images(differences[0], labels, number)
        )
        assert found is not None
        seen += found.low > 0
    assert 0.74 <= seen / repeats <= 0.86
