"""Summarise an experiment."""

from pathlib import Path

from job_runner import Job, paths, run
from sjft.reports.summary import RunFiles
from sjft.reports.summary_files import RetrievalFiles, write_summary


def main(job: Job) -> None:
    """Name the files of each run and of each source; write the summary."""
    files, params, output = job.input, job.params, job.output
    of_runs = zip(params.runs, files.evaluations, files.subsets, files.targets, strict=True)
    runs = [RunFiles(arm, seed, *paths(of_run)) for (arm, seed), *of_run in of_runs]
    duplicates = Path(files.duplicates) if files.duplicates else None
    searched = [paths(files[name]) for name in ("sources", "neighbours", "leakage")]
    retrieval = RetrievalFiles.of(params.backend, params.sources, searched, duplicates)
    experiment = job.wildcards.experiment
    write_summary(experiment, runs, retrieval, Path(output.summary), Path(output.table))


if __name__ == "__main__":
    run(main)
