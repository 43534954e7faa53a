"""Summarise an experiment."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.data.table import read_images
from sjft.leakage.table import count_leakage, read_leakage
from sjft.reports.summary import Retrieval, RunFiles, summarise
from sjft.retrieval.neighbours import read_recall
from sjft.retrieval.ranking import usable_sources
from sjft.storage.files import write_json, write_text


def main(snakemake: Any) -> None:
    """Read evaluations, manifests and benchmarks; write the summary as JSON and Markdown."""
    files, params = snakemake.input, snakemake.params
    runs = [
        RunFiles(arm, seed, Path(evaluation), Path(subset), Path(targets))
        for (arm, seed), evaluation, subset, targets in zip(
            params.runs, files.evaluations, files.subsets, files.targets, strict=True
        )
    ]
    sources = {n: read_images(Path(p)) for n, p in zip(params.sources, files.sources, strict=True)}
    summary = summarise(
        snakemake.wildcards.experiment,
        runs,
        usable_sources(sources, {}),
        _retrieval(params.backend, params.sources, files),
        {stage: [Path(path) for path in paths] for stage, paths in params.benchmarks.items()},
    )
    write_json(Path(snakemake.output.summary), summary)
    write_text(
        Path(snakemake.output.table), f"# {snakemake.wildcards.experiment}\n\n{summary['table']}\n"
    )


def _retrieval(backend: str, names: list[str], files: Any) -> Retrieval:
    # No files of neighbours or leakage where no arm uses them, or nothing is looked for.
    return Retrieval(
        backend,
        {n: read_recall(Path(p)) for n, p in zip(names, files.neighbours, strict=False)},
        {
            n: count_leakage(read_leakage(Path(p)))
            for n, p in zip(names, files.leakage, strict=False)
        },
        count_leakage(read_leakage(Path(files.duplicates))) if files.duplicates else None,
    )


if __name__ == "__main__":
    run(main)
