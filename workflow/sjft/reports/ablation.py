"""The ablation: accuracies of all arms over their seeds, and each one's difference to another.

The rows are those of the paper's tables, with its figures beside them where the target is one of
its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.evaluation.accuracy import accuracies
from sjft.evaluation.fusion import fuse
from sjft.evaluation.probabilities import Probabilities, aligned
from sjft.reports.intervals import Interval, interval_over_seeds
from sjft.reports.paper import FUSION
from sjft.reports.verdict import answers_of, compare
from sjft.settings.arm import AT_RANDOM, METHOD, WITHOUT_SOURCE

ABLATION_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "arm": pl.String,
    "title": pl.String,
    "seeds": pl.Int32,
    "mean_class_accuracy": pl.Float64,
    "deviation": pl.Float64,
    "low_over_seeds": pl.Float64,
    "high_over_seeds": pl.Float64,
    "accuracy": pl.Float64,
    "images": pl.Int32,
    "source_images": pl.Float64,
    "updates": pl.Int32,
    "reference": pl.String,
    "difference": pl.Float64,
    "difference_low_over_seeds": pl.Float64,
    "difference_high_over_seeds": pl.Float64,
    "difference_low_over_images": pl.Float64,
    "difference_high_over_images": pl.Float64,
    "difference_low_over_both": pl.Float64,
    "difference_high_over_both": pl.Float64,
    "smallest_difference": pl.Float64,
    "paper": pl.Float64,
    "paper_difference": pl.Float64,
}
RUNS_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "arm": pl.String,
    "seed": pl.Int32,
    "mean_class_accuracy": pl.Float64,
    "accuracy": pl.Float64,
    "images": pl.Int32,
    "source_images": pl.Int32,
    "updates": pl.Int32,
    "reference": pl.String,
    "difference": pl.Float64,
}


@dataclass(frozen=True)
class AblationArm:
    """A row of the table: its title, and the arm that its difference is taken to."""

    title: str
    against: str | None


@dataclass(frozen=True)
class AblationRun:
    """A run of the ablation; a fused one has neither source images nor updates of its own."""

    arm: str
    seed: int
    probabilities: Probabilities
    source_images: int | None
    updates: int | None


@dataclass(frozen=True)
class _Arm:
    """All runs of an arm, images in one order; ``answers`` [images] are 1.0 where right."""

    runs: list[AblationRun]
    labels: NDArray[np.int64]
    answers: dict[int, NDArray[np.float64]]
    measured: dict[int, dict[str, Any]]

    def of_seeds(self, key: str) -> NDArray[np.float64]:
        """A figure of each seed, in their order."""
        return np.array([values[key] for values in self.measured.values()])


def fused_runs(seed: int, members: Mapping[str, Probabilities]) -> AblationRun:
    """The row `fusion` of a seed: the mean of the members' class probabilities."""
    return AblationRun(FUSION, seed, fuse(members), None, None)


def compare_arms(
    runs: Sequence[AblationRun], known: Mapping[str, AblationArm], paper: Mapping[str, float]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One row per arm (`ABLATION_SCHEMA`) and one per run (`RUNS_SCHEMA`).

    Rows are in the order of ``known``, the arms of the experiment; after them stands the row
    `fusion`. All accuracies are shares. An arm's reference is the one that it is ``against``, or
    else `selective`; differences are taken seed by seed, on the same test images. Raises
    `UserError` where the runs' images or classes differ.
    """
    known = {**known, FUSION: AblationArm("with model fusion", METHOD)}
    arms = _by_arm(runs, known)
    rows, run_rows = [], []
    for name, arm in arms.items():
        reference = reference_of(name, known[name].against, list(arms))
        row = {"arm": name, "title": known[name].title} | _row(name, arm, paper)
        if reference is not None:
            row |= _against(name, arm, reference, arms[reference], paper)
        rows.append(row)
        run_rows += _run_rows(name, arm, reference, arms.get(reference or ""))
    return (
        pl.DataFrame(rows, schema=ABLATION_SCHEMA, orient="row"),
        pl.DataFrame(run_rows, schema=RUNS_SCHEMA, orient="row"),
    )


def reference_of(arm: str, against: str | None, arms: Sequence[str]) -> str | None:
    """What an arm is compared with, of those that were run; None for one that stands for itself."""
    if against is None:
        return None
    return next((name for name in (against, METHOD) if name in arms and name != arm), None)


def _by_arm(runs: Sequence[AblationRun], known: Iterable[str]) -> dict[str, _Arm]:
    same = aligned({f"{run.arm}, seed {run.seed}": run.probabilities for run in runs})
    arms: dict[str, _Arm] = {}
    for name in known:
        own = sorted((run for run in runs if run.arm == name), key=lambda run: run.seed)
        found = {run.seed: same[f"{run.arm}, seed {run.seed}"] for run in own}
        if own:
            arms[name] = _Arm(
                own,
                next(iter(found.values())).labels,
                {s: answers_of(p) for s, p in found.items()},
                {s: accuracies(p.values, p.labels, p.class_names) for s, p in found.items()},
            )
    return arms


def _row(name: str, arm: _Arm, paper: Mapping[str, float]) -> dict[str, Any]:
    means = arm.of_seeds("mean_class_accuracy")
    counts = [run.source_images for run in arm.runs if run.source_images is not None]
    over_seeds = interval_over_seeds(means)
    return {
        "seeds": len(means),
        "mean_class_accuracy": means.mean(),
        "deviation": means.std(ddof=1) if len(means) > 1 else None,
        **_ends("low_over_seeds", "high_over_seeds", over_seeds and over_seeds.within(0.0, 1.0)),
        "accuracy": arm.of_seeds("accuracy").mean(),
        "images": len(arm.runs[0].probabilities.paths),
        "source_images": float(np.mean(counts)) if counts else None,
        "updates": arm.runs[0].updates,
        "paper": paper.get(name),
    }


def _against(
    name: str, arm: _Arm, reference: str, other: _Arm, paper: Mapping[str, float]
) -> dict[str, Any]:
    """Differences to the reference: of the same seeds, on the same images."""
    seeds = [seed for seed in arm.answers if seed in other.answers]
    if not seeds:
        return {"reference": reference}
    # As the verdict compares the two, which sets an arm beside the one that borrows nothing, or at
    # random: the row of such a one is the mirror image, so that page and sentence say the same.
    is_mirrored = name == WITHOUT_SOURCE or (name == AT_RANDOM and reference != WITHOUT_SOURCE)
    both = {name: arm, reference: other}
    first, second = (reference, name) if is_mirrored else (name, reference)
    answers = {of: np.array([each.answers[s] for s in seeds]) for of, each in both.items()}
    found = compare(first, second, seeds, answers[first], answers[second], arm.labels)
    by_seeds, by_images, by_both = (
        _mirrored(interval) if is_mirrored else interval
        for interval in (found.over_seeds, found.over_images, found.over_both)
    )
    both_known = name in paper and reference in paper
    return {
        "reference": reference,
        "difference": (-found.difference if is_mirrored else found.difference) + 0.0,  # 0 of -0
        **_ends("difference_low_over_seeds", "difference_high_over_seeds", by_seeds),
        **_ends("difference_low_over_images", "difference_high_over_images", by_images),
        **_ends("difference_low_over_both", "difference_high_over_both", by_both),
        # Of 0 there is none: all is answered alike, which says nothing of smaller ones.
        "smallest_difference": found.smallest or None,
        "paper_difference": paper[name] - paper[reference] if both_known else None,
    }


def _mirrored(interval: Interval | None) -> Interval | None:
    return None if interval is None else Interval(-interval.high + 0.0, -interval.low + 0.0)


def _ends(low: str, high: str, interval: Interval | None) -> dict[str, float | None]:
    if interval is None:
        return {low: None, high: None}
    return {low: interval.low, high: interval.high}


def _run_rows(
    name: str, arm: _Arm, reference: str | None, other: _Arm | None
) -> list[dict[str, Any]]:
    key = "mean_class_accuracy"
    return [
        {
            "arm": name,
            "seed": run.seed,
            key: arm.measured[run.seed][key],
            "accuracy": arm.measured[run.seed]["accuracy"],
            "images": len(run.probabilities.paths),
            "source_images": run.source_images,
            "updates": run.updates,
            "reference": reference,
            "difference": arm.measured[run.seed][key] - other.measured[run.seed][key]
            if other is not None and run.seed in other.measured
            else None,
        }
        for run in arm.runs
    ]
