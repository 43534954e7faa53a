"""The ablation: rows against counting, references, the paper's figures, text and plot."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from chain import REPOSITORY

from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities
from sjft.reports.ablation import AblationArm, AblationRun, compare_arms, fused_runs, reference_of
from sjft.reports.ablation_page import plot_ablation, render_ablation
from sjft.reports.intervals import Interval, interval_over_both
from sjft.reports.paper import paper_figures
from sjft.reports.variation import variation
from sjft.reports.verdict import verdict
from sjft.settings.arm import PRESETS
from sjft.settings.config import Configuration, read_configuration
from sjft.storage.files import stable_integer

LABELS = np.repeat([0, 1], [2, 6])
NAMES = ["rare", "common"]

# The paper's arms, and what they are compared with.
ARMS = {name: AblationArm(str(arm.title), arm.against) for name, arm in PRESETS.items()}


def answers(arm: str, seed: int, right: list[int]) -> AblationRun:
    """A run that knows the class of just these images."""
    values = np.full((len(LABELS), 2), 0.5, np.float32)
    for row, label in enumerate(LABELS):
        values[row, label if row in right else 1 - label] += 0.25
    values /= values.sum(axis=1, keepdims=True)
    paths = [f"{row}.jpg" for row in range(len(LABELS))]
    return AblationRun(arm, seed, Probabilities(paths, LABELS, values, NAMES), 100 + seed, 40)


RUNS = [
    answers("selective", 0, [0, 1, 2, 3, 4]),  # 1, 1/2
    answers("selective", 1, [0, 1, 2, 3, 4, 5, 6, 7]),  # 1, 1
    answers("fine-tune", 0, [0, 2, 3, 4]),  # 1/2, 1/2
    answers("fine-tune", 1, [1, 5, 6, 7]),  # 1/2, 1/2
]


def table_of(runs: list[AblationRun], **paper: float) -> dict[str, dict[str, Any]]:
    table, _ = compare_arms(
        runs, ARMS, {name.replace("_", "-"): value for name, value in paper.items()}
    )
    return {row["arm"]: row for row in table.iter_rows(named=True)}


def test_rows_are_counted_over_seeds_and_images() -> None:
    rows = table_of(RUNS, fine_tune=0.8, selective=0.9)
    assert list(rows) == ["fine-tune", "selective"]
    selective, other = rows["selective"], rows["fine-tune"]
    assert selective["mean_class_accuracy"] == pytest.approx(0.875)
    assert selective["deviation"] == pytest.approx(np.std([0.75, 1.0], ddof=1))
    assert selective["accuracy"] == pytest.approx((5 / 8 + 1) / 2)
    assert selective["source_images"] == 100.5
    assert (selective["updates"], selective["seeds"], selective["images"]) == (40, 2, 8)
    assert (selective["reference"], selective["difference"]) == (None, None)
    assert other["reference"] == "selective"
    assert other["difference"] == pytest.approx(-0.375)
    # The seeds' differences are -1/4 and -1/2; t(1) at 97.5 % is 12.7062: -1.96 to 1.21.
    assert (other["difference_low_over_seeds"], other["difference_high_over_seeds"]) == (-1, 1)
    assert (selective["low_over_seeds"], selective["high_over_seeds"]) == (0, 1)
    assert other["difference_low_over_images"] <= -0.375 <= other["difference_high_over_images"]
    assert other["difference_low_over_images"] >= -1
    assert (other["paper"], other["paper_difference"]) == (0.8, pytest.approx(-0.1))


def test_runs_are_compared_with_the_same_seed_of_their_reference() -> None:
    _, runs = compare_arms(RUNS[:-1], ARMS, {})
    by_run = {(row["arm"], row["seed"]): row for row in runs.iter_rows(named=True)}
    assert by_run["fine-tune", 0]["difference"] == pytest.approx(-0.25)
    assert by_run["selective", 1]["source_images"] == 101
    row = table_of(RUNS[1:3])["fine-tune"]  # no seed in common
    assert (row["reference"], row["difference"]) == ("selective", None)


def test_one_seed_has_an_interval_over_images_alone() -> None:
    row = table_of([RUNS[0], RUNS[2]])["fine-tune"]
    assert row["deviation"] is row["low_over_seeds"] is row["difference_low_over_seeds"] is None
    assert row["difference_low_over_images"] is not None
    assert row["difference_low_over_both"] is None


def test_arms_that_differ_by_whole_classes_have_no_interval_over_images() -> None:
    rare, common = [0, 1], [2, 3, 4, 5, 6, 7]
    seeds = (0, 1)
    more = [answers("selective", seed, [*rare, *common]) for seed in seeds]
    row = table_of([*more, *(answers("fine-tune", seed, common) for seed in seeds)])["fine-tune"]
    assert row["difference"] == pytest.approx(-0.5)
    for told in ("low_over_images", "high_over_images", "low_over_both", "high_over_both"):
        assert row[f"difference_{told}"] is None
    assert row["smallest_difference"] is None
    # Nor where all of a few images are answered alike.
    alike = [answers("fine-tune", seed, [*rare, *common]) for seed in seeds]
    row = table_of([*more, *alike])["fine-tune"]
    assert (row["difference"], row["difference_low_over_both"]) == (0.0, None)


def test_images_in_another_order_are_put_in_order() -> None:
    turned = RUNS[2].probabilities
    order = np.arange(8)[::-1]
    moved = AblationRun(
        "fine-tune",
        0,
        Probabilities([turned.paths[i] for i in order], LABELS[order], turned.values[order], NAMES),
        None,
        40,
    )
    found = table_of([moved, RUNS[0]])["fine-tune"]
    expected = table_of([RUNS[2], RUNS[0]])["fine-tune"]
    same = [key for key in found if key.startswith("difference") or "accuracy" in key]
    assert {k: found[k] for k in same} == pytest.approx({k: expected[k] for k in same})


def test_fusion_is_a_row_behind_the_arms() -> None:
    members = {str(run.seed): run.probabilities for run in RUNS[2:]}
    rows = table_of([*RUNS, fused_runs(0, members)])
    assert list(rows)[-1] == "fusion"
    assert rows["fusion"]["reference"] == "selective"
    assert rows["fusion"]["source_images"] is None


def test_runs_on_other_images_are_refused_by_name() -> None:
    short = RUNS[3].probabilities
    part = Probabilities(short.paths[:4], short.labels[:4], short.values[:4], NAMES)
    with pytest.raises(UserError, match=r"^fine-tune, seed 1: was evaluated on other images"):
        compare_arms([*RUNS[:3], AblationRun("fine-tune", 1, part, 0, 40)], ARMS, {})


def test_every_arm_has_a_record_and_its_reference_is_another_arm() -> None:
    everything = list(ARMS)
    assert {name: reference_of(name, arm.against, everything) for name, arm in ARMS.items()} == {
        "scratch": "selective-scratch",
        "selective-scratch": "selective",
        "fine-tune": "selective",
        "all-source": "selective",
        "random-source": "selective",
        "no-iteration": "selective",
        "gabor": "no-iteration",
        "selective": None,
    }
    assert reference_of("gabor", "no-iteration", ["gabor", "selective"]) == "selective"
    assert reference_of("gabor", "no-iteration", ["gabor", "fine-tune"]) is None


def test_an_arm_of_ones_own_is_a_row_behind_the_papers_with_its_own_reference() -> None:
    known = {**ARMS, "deep": AblationArm("by another bank", "fine-tune")}
    own = AblationRun("deep", 0, RUNS[0].probabilities, 7, 80)
    table, runs = compare_arms([own, *RUNS], known, {"selective": 0.9, "fine-tune": 0.8})
    assert table["arm"].to_list() == ["fine-tune", "selective", "deep"]
    row = table.row(2, named=True)
    assert (row["title"], row["reference"], row["updates"]) == ("by another bank", "fine-tune", 80)
    # Of seed 0 alone: there is no other run of it.
    assert row["difference"] == pytest.approx(0.75 - 0.5)
    assert (row["paper"], row["paper_difference"]) == (None, None)
    assert runs.filter(pl.col("arm") == "deep")["reference"].to_list() == ["fine-tune"]
    assert "by 40 or 80 updates" in render_ablation("birds", table, "val")


def test_the_interval_over_both_and_the_power_stand_beside_the_other_two() -> None:
    many = {
        (arm, seed): answers(arm, seed, [i for i in range(8) if rng.random() < share])
        for arm, share, rng in (
            ("selective", 0.9, np.random.default_rng(1)),
            ("fine-tune", 0.4, np.random.default_rng(2)),
        )
        for seed in range(4)
    }
    row = table_of(list(many.values()))["fine-tune"]
    pairs = [(many["fine-tune", seed], many["selective", seed]) for seed in range(4)]
    differences = np.array([answered(ours) - answered(other) for ours, other in pairs])
    low, high = row["difference_low_over_both"], row["difference_high_over_both"]
    drawn_by = stable_integer("verdict", "selective", "fine-tune")
    found = interval_over_both(-differences, LABELS, drawn_by)
    assert found is not None and found.within(-1, 1) == Interval(-high, -low)
    assert low < row["difference"] < high
    assert row["smallest_difference"] == variation(differences, LABELS).smallest_difference()
    table, _ = compare_arms(list(many.values()), ARMS, {})
    sentences = ["Borrowing helped.", "Choosing did."]
    text = render_ablation("birds", table, "test", sentences)
    assert text.startswith("# Ablation of birds\n\nBorrowing helped.\n\nChoosing did.\n\n|")
    cells = f"| {100 * low:+.1f} to {100 * high:+.1f} | {100 * row['smallest_difference']:.1f} |"
    assert cells in text


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_row_has_the_figures_of_the_verdict_that_stands_above_it(seeds: int) -> None:
    rng = np.random.default_rng(7)
    runs = [
        answers(arm, seed, [i for i in range(8) if rng.random() < share])
        for arm, share in (("selective", 0.8), ("fine-tune", 0.4), ("random-source", 0.6))
        for seed in range(seeds)
    ]
    found = verdict({(run.arm, run.seed): run.probabilities for run in runs}, "selective")
    rows = table_of(runs)
    assert {told.against for told in found.comparisons} == {"fine-tune", "random-source"}
    for told in found.comparisons:
        row = rows[told.against]  # whose difference is to `selective`: the other way round
        assert row["difference"] == -told.difference
        assert row["smallest_difference"] == told.smallest
        for name in ("over_seeds", "over_images", "over_both"):
            interval = getattr(told, name)
            ends = None if interval is None else (-interval.high, -interval.low)
            low, high = row[f"difference_low_{name}"], row[f"difference_high_{name}"]
            assert (None if low is None else (low, high)) == ends


def answered(run: AblationRun) -> np.ndarray:
    """1 where a run is right."""
    return np.asarray(run.probabilities.values.argmax(axis=1) == LABELS, float)


def test_the_text_says_what_the_intervals_are_and_are_not() -> None:
    table, _ = compare_arms(RUNS, ARMS, {"selective": 0.9, "fine-tune": 0.8})
    text = render_ablation("birds", table, "val")
    assert text.startswith("# Ablation of birds\n")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.count("|") for line in lines}) == 1
    assert (
        "| `fine-tune`: fine-tuning without a source | 50.0 ± 0.0 | -37.5 to `selective` |" in text
    )
    assert "8 images of the split `val`, over 2 seeds" in text
    assert "by 40 updates" in text
    assert "Neither of the first two covers both" in text
    assert "find with a probability of 80 %" in text
    assert "| 80.0 | -10.0 |" in text
    single, _ = compare_arms([RUNS[0]], ARMS, {})
    alone = render_ablation("birds", single, "test")
    assert "lucky training" in alone
    assert "paper" not in alone


def test_no_difference_has_no_sign_and_a_title_breaks_no_row() -> None:
    table, _ = compare_arms(RUNS, ARMS, {})
    table = table.with_columns(
        title=pl.lit("a|b *c*"),
        difference=pl.lit(-0.0001),
        difference_low_over_both=pl.lit(-0.0002),
        difference_high_over_both=pl.lit(0.0),
    )
    rows = [line for line in render_ablation("x", table, "val").splitlines() if line[0:1] == "|"]
    assert "`selective`: a\\|b \\*c\\* | " in "\n".join(rows)
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    assert " | 0.0 to `selective` | " in rows[2] and " | 0.0 to 0.0 | " in rows[2]


def test_the_plot_is_the_same_twice_and_shows_the_papers_figures(tmp_path: Path) -> None:
    for name, paper in (("a", {"selective": 0.9}), ("b", {"selective": 0.9}), ("c", {})):
        table, runs = compare_arms(RUNS, ARMS, paper)
        plot_ablation(tmp_path / f"{name}.svg", "birds", table, runs)
    first = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert first == (tmp_path / "b.svg").read_text(encoding="utf-8")
    for word in ("Ablation of birds", "fine-tune", "selective", "the paper's"):
        assert word in first
    assert "the paper's" not in (tmp_path / "c.svg").read_text(encoding="utf-8")


def delivered(**changes: Any) -> Configuration:
    raw = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    for name, keys in changes.items():
        raw["datasets"][name] |= keys
    return read_configuration(raw)


@pytest.mark.parametrize(
    ("experiment", "changes", "figures"),
    [
        ("dogs120", {}, {"selective": 0.902, "random-source": 0.855, "gabor": 0.875}),
        ("flowers102", {}, {"scratch": 0.582, "fusion": 0.958, "no-iteration": 0.942}),
        ("flowers102", {"flowers102": {"train": "trn+val"}}, {"selective": None}),
        ("flowers102", {"flowers102": {"train_per_class": 5}}, {"selective": None}),
        ("indoor67", {}, {"selective": 0.828, "fine-tune": 0.817, "fusion": 0.869}),
        ("indoor67_places", {}, {"selective": 0.858}),
        ("indoor67_hybrid", {}, {"selective": 0.855, "all-source": None}),
        ("caltech256", {}, {"selective": 0.891, "fine-tune": 0.864}),
        ("caltech256", {"caltech256": {"per_class": 15}}, {"selective": 0.805}),
        ("caltech256", {"caltech256": {"per_class": 16}}, {"selective": None}),
        ("flowers17_small", {}, {"selective": None}),
        ("demo", {}, {"selective": None}),
    ],
)
def test_the_papers_figures_are_those_of_the_target_and_its_source(
    experiment: str, changes: dict[str, Any], figures: dict[str, float | None]
) -> None:
    config = delivered(**changes)
    settings = config.experiments[experiment]
    found = paper_figures(
        config.datasets[settings.target], [config.datasets[name] for name in settings.sources]
    )
    assert {arm: found.get(arm) for arm in figures} == figures
    assert set(found) <= {*PRESETS, "fusion"}


def test_tables_have_their_columns_where_nothing_can_be_said() -> None:
    table, runs = compare_arms([RUNS[0]], ARMS, {})
    assert table["deviation"].dtype == pl.Float64
    assert runs["difference"].dtype == pl.Float64
