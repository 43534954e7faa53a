"""Summarise an experiment."""

from job_runner import Job, path_or_none, paths, run
from sjft.reports.summary import RunFiles
from sjft.reports.summary_files import RetrievalFiles, write_summary


def main(job: Job) -> None:
    """Name the files of each run and of each source; write the summary."""
    files, params, output = job.input, job.params, job.output
    of_run = ("evaluations", "subsets", "targets", "probabilities")
    of_runs = zip(params.runs, *(files[name] for name in of_run), strict=True)
    runs = [RunFiles(arm, seed, *paths(found)) for (arm, seed), *found in of_runs]
    searched = [paths(files[name]) for name in ("sources", "neighbours", "leakage")]
    known = (searched, path_or_none(files.duplicates), params.leave_out)
    hashed = path_or_none(files.target_images), paths(files.hashes), params.shards
    skipped = zip(params.skipped_of, paths(files.skipped), strict=True)
    about = (*known, *hashed, params.started_from, [*skipped])
    retrieval = RetrievalFiles.of(params.backend, params.sources, *about)
    published = path_or_none(files.choice) or params.published
    write_summary(job.wildcards.experiment, runs, retrieval, published, *paths(output))


if __name__ == "__main__":
    run(main)
