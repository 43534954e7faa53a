"""The ablation of an experiment, from the files of its runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.evaluation.probabilities import Probabilities, read_probabilities
from sjft.reports.ablation import AblationArm, AblationRun, compare_arms, fused_runs
from sjft.reports.ablation_page import plot_ablation, render_ablation
from sjft.reports.duplicated import duplicated_among, read_duplicated, without
from sjft.reports.untested import told_untested, untested_in
from sjft.reports.verdict import verdict
from sjft.selection.subset import read_selected
from sjft.settings.arm import METHOD
from sjft.storage.files import write_plain_table, write_text


@dataclass(frozen=True)
class AblatedRun:
    """The files of one run: class probabilities, and the subset of its last round."""

    arm: str
    seed: int
    probabilities: Path
    subset: Path


@dataclass(frozen=True)
class Ablation:
    """An ``experiment``'s runs, evaluated on a ``split``.

    ``arms`` holds, in the table's order, ``title``, ``against`` and ``updates`` of each arm.
    ``fused`` holds, by seed, the members' probabilities that the row `fusion` averages; ``paper``
    the paper's own figures by arm. ``duplicates`` lists test images that the figures leave out.
    """

    experiment: str
    runs: Sequence[AblatedRun]
    fused: Mapping[int, Sequence[Path]]
    arms: Mapping[str, Mapping[str, Any]]
    split: str
    paper: Mapping[str, float]
    duplicates: Path | None = None


def write_ablation(ablation: Ablation, *, table: Path, runs: Path, text: Path, plot: Path) -> None:
    """Write one row an arm and one a run as CSV, the page for people, and the plot.

    Raises `UserError` where the runs' images or classes differ.
    """
    left_out = read_duplicated(ablation.duplicates)

    def read(path: Path) -> Probabilities:
        return without(read_probabilities(path), left_out)

    found = [
        AblationRun(
            run.arm,
            run.seed,
            read(run.probabilities),
            len(read_selected(run.subset)),
            ablation.arms[run.arm]["updates"],
        )
        for run in ablation.runs
    ]
    of_arms = {(run.arm, run.seed): run.probabilities for run in found}
    sentences = verdict(of_arms, METHOD).sentences
    for seed, members in ablation.fused.items():
        found.append(fused_runs(seed, {str(path): read(path) for path in members}))
    known = {n: AblationArm(arm["title"], arm["against"]) for n, arm in ablation.arms.items()}
    by_arm, by_run = compare_arms(found, known, ablation.paper)
    write_plain_table(table, by_arm)
    write_plain_table(runs, by_run)
    told = _left_out(ablation, left_out)
    write_text(text, render_ablation(ablation.experiment, by_arm, ablation.split, sentences, told))
    plot_ablation(plot, ablation.experiment, by_arm, by_run)


def _left_out(ablation: Ablation, left_out: frozenset[str]) -> str:
    """Which test images and classes the figures do without, in words; empty where none."""
    whole = read_probabilities(ablation.runs[0].probabilities)
    found = duplicated_among(whole, left_out, left_out=True)
    untested = untested_in(whole)
    told = [told_untested(untested, ablation.split)] if untested else []
    return " ".join([*told, *([] if found is None else [found.told])])
