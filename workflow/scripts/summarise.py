"""Summarise an experiment."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.files import write_json, write_text
from sjft.images_table import read_images
from sjft.neighbours import read_recall
from sjft.subset import usable_images
from sjft.summary import RunFiles, summarise


def main(snakemake: Any) -> None:
    """Read evaluations, manifests and benchmarks; write the summary as JSON and Markdown."""
    files, params = snakemake.input, snakemake.params
    runs = [
        RunFiles(arm, seed, Path(evaluation), Path(subset), Path(targets))
        for (arm, seed), evaluation, subset, targets in zip(
            params.runs, files.evaluations, files.subsets, files.targets, strict=True
        )
    ]
    summary = summarise(
        snakemake.wildcards.experiment,
        runs,
        usable_images(read_images(Path(files.sources)), []),
        read_recall(Path(files.neighbours)) if files.neighbours else {},
        params.backend,
        {stage: [Path(path) for path in paths] for stage, paths in params.benchmarks.items()},
    )
    write_json(Path(snakemake.output.summary), summary)
    write_text(
        Path(snakemake.output.table), f"# {snakemake.wildcards.experiment}\n\n{summary['table']}\n"
    )


if __name__ == "__main__":
    run(main, snakemake)
