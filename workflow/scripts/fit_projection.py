"""Fit the projection of a target's Hellinger vectors."""

from pathlib import Path

from job_runner import Job, paths, run
from sjft.retrieval.projection import write_projection_of_target
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read the target's histograms; write the projection."""
    write_projection_of_target(
        paths(job.input.histograms),
        Path(job.output.projection),
        known_part(RetrievalSettings, job.params.retrieval),
    )


if __name__ == "__main__":
    run(main)
