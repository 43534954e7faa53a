"""Compare all arms of an experiment, seed by seed and image by image."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.evaluation.probabilities import read_probabilities
from sjft.reports.ablation import AblationArm, AblationRun, compare_arms, fused_runs
from sjft.reports.ablation_page import plot_ablation, render_ablation
from sjft.selection.subset import read_selected
from sjft.storage.files import write_plain_table, write_text


def main(snakemake: Any) -> None:
    """Read all runs' probabilities and subsets; write the tables and the plot."""
    files, params, name = snakemake.input, snakemake.params, snakemake.wildcards.experiment
    runs = [
        AblationRun(
            *(arm, seed, read_probabilities(Path(path))),
            *(_rows(subset), params.arms[arm]["updates"]),
        )
        for (arm, seed), path, subset in zip(
            params.runs, files.probabilities, files.subsets, strict=True
        )
    ]
    members = len(params.fused)
    for number, seed in enumerate(params.seeds if members else []):
        paths = files.fused[number * members : (number + 1) * members]
        runs.append(fused_runs(seed, {path: read_probabilities(Path(path)) for path in paths}))
    known = {n: AblationArm(arm["title"], arm["against"]) for n, arm in params.arms.items()}
    table, by_run = compare_arms(runs, known, params.paper)
    write_plain_table(Path(snakemake.output.table), table)
    write_plain_table(Path(snakemake.output.runs), by_run)
    write_text(Path(snakemake.output.text), render_ablation(name, table, params.split))
    plot_ablation(Path(snakemake.output.plot), name, table, by_run)


def _rows(subset: str) -> int:
    return len(read_selected(Path(subset)))


if __name__ == "__main__":
    run(main)
