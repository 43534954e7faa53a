"""The evidence of all experiments together: means, intervals, and what varies with what."""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from chain import REPOSITORY
from numpy.typing import NDArray

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

from command_line import Row
from evidence_record import Run, answers_of
from evidence_together import (
    OF_THE_REST,
    PUBLISHED,
    Kind,
    Pooled,
    Trainings,
    by_data_set,
    data_sets_of,
    groups_of,
    mean_difference,
    together,
)

from sjft.reports.intervals import Interval, interval_over_both

LABELS = np.repeat(np.arange(4), 25)


def trainings(
    rng: np.random.Generator, of_images: NDArray[np.float64], seeds: int, pairs: int | None = None
) -> Trainings:
    """Differences whose expectation is that of ``of_images`` [images], with seeds' own effects."""
    of_seeds = rng.normal(0, 0.06, (seeds, 1))
    rest = rng.normal(0, 0.3, (seeds, len(LABELS)))
    return Trainings(of_images + of_seeds + rest, LABELS, pairs or seeds)


def run(experiment: str, arm: str, seed: int, right: NDArray[np.bool_]) -> Run:
    mean = float(np.mean([right[c == LABELS].mean() for c in range(4)]))
    return Run(
        experiment, arm, seed, experiment, "abc", "test", len(right),
        mean, mean, 40, None, 90.0, answers_of(right),
    )  # fmt: skip


def rows_of(*given: Any) -> list[Row]:
    return [one.row() for one in together(*given)]


def test_one_experiment_alone_has_the_interval_it_has_by_itself() -> None:
    rng = np.random.default_rng(0)
    one = trainings(rng, 0.05 + rng.normal(0, 0.4, len(LABELS)), 5)
    alone = interval_over_both(one.differences, LABELS, 0)
    points, interval = mean_difference([one], 0)
    assert alone is not None
    assert points == pytest.approx(one.differences.mean())
    assert (interval.low, interval.high) == pytest.approx((alone.low, alone.high), abs=0.004)


@pytest.mark.parametrize("same_images", [True, False])
def test_the_interval_holds_the_truth_as_often_as_it_says(same_images: bool) -> None:
    rng, truth, times = np.random.default_rng(1), 0.03, 400
    held = 0
    for draw in range(times):
        sets = [rng.normal(0, 0.4, len(LABELS)) for _ in range(3)]
        found = [
            # Other images of the same labels, or the same: the data say which.
            trainings(rng, truth + sets[0 if same_images else e], seeds)
            for e, seeds in enumerate((10, 10, 3))
        ]
        _, interval = mean_difference(found, draw)
        held += interval.low <= truth <= interval.high
    # Two deviations of a share of 400.
    assert abs(held / times - 0.95) < 2 * np.sqrt(0.95 * 0.05 / times) + 0.005


def test_what_is_judged_by_the_same_images_says_less_than_by_others() -> None:
    rng = np.random.default_rng(2)
    shared = rng.normal(0, 0.4, len(LABELS))
    same = [trainings(rng, shared, 10) for _ in range(4)]
    other = [trainings(rng, rng.normal(0, 0.4, len(LABELS)), 10) for _ in range(4)]
    widths = []
    for found in (same, other):
        _, interval = mean_difference(found, 0)
        widths.append(interval.high - interval.low)
    assert widths[0] > 1.5 * widths[1]


def test_every_pair_of_runs_counts_alike() -> None:
    rng = np.random.default_rng(3)
    found = [
        trainings(rng, np.full(len(LABELS), level), 3, pairs) for level, pairs in ((0, 3), (1, 9))
    ]
    points, _ = mean_difference(found, 0)
    means = [one.differences.mean() for one in found]
    assert points == pytest.approx((3 * means[0] + 9 * means[1]) / 12)


def test_experiments_that_are_held_against_the_same_trainings_are_one() -> None:
    """Three sources beside one `fine-tune` are no three independent looks at its luck."""
    names, pair = ("a", "b", "c"), ("selective", "fine-tune")
    labels = {name: LABELS.tolist() for name in names}
    widths = []
    for shared in (True, False):
        rng, runs = np.random.default_rng(4), []
        plain = [rng.random(100) < 0.3 + 0.2 * (seed % 2) for seed in range(4)]
        for number, name in enumerate(names):
            for seed, right in enumerate(plain):
                # The same accuracy of another training: its classes change places.
                ours = right if shared else np.roll(right, 25 * number)
                runs.append(run(name, "fine-tune", seed, ours))
                runs.append(run(name, "selective", seed, rng.random(100) < 0.4))
        (row,) = rows_of(runs, {"all": names}, labels, [pair])
        assert (row["number"], row["pairs of runs"]) == (3, 12)
        means = [np.mean([r.mean_class_accuracy for r in runs if r.arm == arm]) for arm in pair]
        assert str(row["points"]).strip("*") == f"{100 * (means[0] - means[1]):+.1f}"
        low, high = map(float, str(row["over both"]).split(" to "))
        widths.append(high - low)
    assert widths[0] > 1.3 * widths[1]


def test_experiments_that_share_some_seeds_trainings_are_one_with_these_alone() -> None:
    """The interval holds the truth as often as it says, with other numbers of seeds as well."""
    rng, truth, times, held = np.random.default_rng(6), 0.1, 300, 0
    numbers = {"a": 10, "b": 9, "c": 8, "d": 3}
    labels = {name: LABELS.tolist() for name in numbers}
    for _ in range(times):
        runs = []
        shares = np.clip(0.5 + rng.normal(0, 0.12, 10), 0, 1)
        plain = [rng.random(100) < share for share in shares]
        for name, seeds in numbers.items():
            for seed in range(seeds):
                runs.append(run(name, "fine-tune", seed, plain[seed]))
                runs.append(run(name, "selective", seed, rng.random(100) < 0.5 + truth))
        (row,) = rows_of(runs, {"all": list(numbers)}, labels, [("selective", "fine-tune")])
        assert row["pairs of runs"] == 30
        low, high = map(float, str(row["over both"]).split(" to "))
        held += low <= 100 * truth <= high
    assert abs(held / times - 0.95) < 2 * np.sqrt(0.95 * 0.05 / times) + 0.005


def test_what_is_published_is_held_against_fine_tuning_and_few_seeds_are_left_out() -> None:
    rng, runs = np.random.default_rng(5), []
    for name, seeds in (("enough", 3), ("few", 2)):
        for seed in range(seeds):
            for arm, share in (("fine-tune", 0.5), ("selective", 0.6)):
                one = run(name, arm, seed, rng.random(100) < share)
                runs.append(replace(one, validated=share))
    labels = {name: LABELS.tolist() for name in ("enough", "few")}
    pairs = [(PUBLISHED, "fine-tune"), ("selective", "fine-tune"), ("all-source", "fine-tune")]
    rows = list(rows_of(runs, {"all": ["enough", "few"], "none": []}, labels, pairs))
    # The validation split chose `selective` each time; nobody ran `all-source`.
    assert [r["difference"] for r in rows] == ["published - fine-tune", "selective - fine-tune"]
    assert {(r["number"], r["pairs of runs"]) for r in rows} == {(1, 3)}
    assert rows[0]["points"] == rows[1]["points"]


def test_what_the_arm_of_the_whole_source_is_worth_is_told_where_it_was_run() -> None:
    rng, runs = np.random.default_rng(8), []
    arms = {"fine-tune": 0.5, "selective": 0.6, "all-source": 0.8}
    for name, of in (("with", list(arms)), ("without", list(arms)[:2])):
        for seed in range(3):
            for arm in of:
                one = run(name, arm, seed, rng.random(100) < arms[arm])
                runs.append(replace(one, validated=arms[arm]))
    labels = {name: LABELS.tolist() for name in ("with", "without")}
    others = (PUBLISHED, OF_THE_REST, "all-source", "selective")
    pairs = [(arm, "fine-tune") for arm in others]
    points = {
        row["difference"].split(" - ")[0]: row["points"]
        for row in rows_of(runs, {"all": ["with"]}, labels, pairs)
    }
    assert points[PUBLISHED] == points["all-source"] != points[OF_THE_REST] == points["selective"]
    assert not list(rows_of(runs, {"all": ["without"]}, labels, [(OF_THE_REST, "fine-tune")]))


def test_experiments_are_grouped_by_pictures_and_weights_on_the_test_split_alone() -> None:
    kinds = {
        "made": Kind("made", "random"),
        "dark": Kind("flowers17", "random"),
        "plain": Kind("flowers17", "pre-trained"),
        "shirts": Kind("clothing", "pre-trained"),
        "dark_val_longer": Kind("flowers17", "random"),
    }
    assert groups_of(list(kinds), kinds) == {
        "made pictures, random weights": ["made"],
        "photographs, pre-trained weights": ["plain", "shirts"],
        "photographs, random weights": ["dark"],
        "photographs": ["dark", "plain", "shirts"],
    }
    in_order = list(data_sets_of(list(kinds), kinds).items())
    assert in_order == [
        ("`flowers17`, pre-trained weights", ["plain"]),
        ("`clothing`, pre-trained weights", ["shirts"]),
        ("`flowers17`, random weights", ["dark"]),
    ]


def test_each_data_set_has_a_row_with_its_differences_in_short() -> None:
    sure, unsure = Interval(0.01, 0.03), Interval(-0.01, 0.03)
    pooled = [
        Pooled("`flowers17`", ("selective", "fine-tune"), 2, 20, 0.02, sure),
        Pooled("`flowers17`", (PUBLISHED, "fine-tune"), 2, 19, 0.01, unsure),
        Pooled("`dtd10`", ("selective", "fine-tune"), 1, 10, 0.01, unsure),
    ]
    first, second = by_data_set(pooled)
    assert first == {
        "photographs": "`flowers17`",
        "pairs of runs": 20,
        "selective - fine-tune": "**+2.0** (+1.0 to +3.0)",
        "published - fine-tune": "+1.0 (-1.0 to +3.0)",
    }
    assert (second["pairs of runs"], second["published - fine-tune"]) == (10, "-")
