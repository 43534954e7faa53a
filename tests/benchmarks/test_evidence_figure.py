"""The evidence at a glance: which intervals are drawn, in which colour."""

import sys
from pathlib import Path

import pytest
from chain import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

from evidence_figure import ALL, COLOURS, Mark, draw, marks
from evidence_record import Run
from evidence_together import Pooled, together

from sjft.reports.intervals import Interval

LABELS = [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
PAIR = ("selective", "fine-tune")


def run(experiment: str, arm: str, seed: int, answers: str) -> Run:
    return Run(
        experiment, arm, seed, experiment, "abc", "test", 10, int(answers, 16).bit_count() / 16,
        0.5, 40, None, 90.0, answers, 0.9 if arm == "selective" else 0.5,
    )  # fmt: skip


def runs_of(experiment: str, seeds: int) -> list[Run]:
    answers = ("ffc0", "7f80", "efc0")
    return [
        run(experiment, arm, seed, answers[(seed + shift) % 3])
        for seed in range(seeds)
        for arm, shift in (("fine-tune", 0), ("selective", 1), ("random-source", 2))
    ]


def test_each_experiment_of_three_seeds_is_drawn_and_all_of_a_group_together() -> None:
    runs = [*runs_of("enough", 3), *runs_of("few", 2)]
    groups = {"photographs": ["enough", "few"]}
    labels = {"enough": LABELS, "few": LABELS}
    pooled = list(together(runs, groups, labels, [PAIR, ("random-source", "fine-tune")]))
    found = list(marks(runs, groups, labels, pooled))
    shown = [(mark.experiment, mark.pair) for mark in found]
    # What is chosen by the validation split is `selective`, each time.
    assert shown == [
        ("enough", PAIR),
        ("enough", ("selective", "random-source")),
        ("enough", ("published", "fine-tune")),
        (ALL, PAIR),
    ]
    assert found[0].mean == found[2].mean
    assert isinstance(pooled[0], Pooled) and found[3].interval == pooled[0].interval


@pytest.mark.parametrize(
    ("interval", "says"),
    [((0.01, 0.05), "better"), ((-0.05, -0.01), "worse"), ((0.0004, 0.05), "cannot be told")],
)
def test_the_colour_says_what_is_established(
    tmp_path: Path, interval: tuple[float, float], says: str
) -> None:
    mark = Mark("photographs", "flowers", PAIR, sum(interval) / 2, Interval(*interval))
    draw(tmp_path / "a.svg", [mark])
    drawn = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "flowers" in drawn and "does borrowing help?" in drawn
    assert {name for name, colour in COLOURS.items() if colour.lower() in drawn.lower()} == {says}
