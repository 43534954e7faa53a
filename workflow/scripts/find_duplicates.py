"""Look for the target's held-out images among its own training images."""

from pathlib import Path

from job_runner import Job, files, run, told
from sjft.leakage.duplicates import PartFiles, find_duplicates
from sjft.retrieval.blocks import MB
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read hashes and histograms of both parts; write duplicates.csv."""
    computing = told(job, "retrievals", job.wildcards.retrieval)
    find_duplicates(
        files(PartFiles, job.input),
        known_part(RetrievalSettings, job.params.retrieval, computing),
        job.resources.mem_mb * MB,
        Path(job.output.duplicates),
    )


if __name__ == "__main__":
    run(main)
