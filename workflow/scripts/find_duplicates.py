"""Look for the target's held-out images among its own training images."""

from pathlib import Path

from job_runner import Job, paths, run, told
from sjft.leakage.duplicates import PartFiles, find_duplicates
from sjft.retrieval.blocks import MB
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read hashes and histograms of both parts; write duplicates.csv."""
    files, device = job.input, told(job, "retrievals", job.wildcards.retrieval)["device"]
    find_duplicates(
        Path(files.images),
        PartFiles(paths(files.train_hashes), paths(files.train)),
        PartFiles(paths(files.heldout_hashes), paths(files.heldout)),
        known_part(RetrievalSettings, job.params.retrieval, {"device": device}),
        job.resources.mem_mb * MB,
        Path(job.output.duplicates),
    )


if __name__ == "__main__":
    run(main)
