"""Find the equal-mass bins of a target."""

from pathlib import Path

from job_runner import Job, paths, run
from sjft.retrieval.bins import equalise_bins


def main(job: Job) -> None:
    """Read the target's descriptors; write the bins."""
    equalise_bins(
        paths(job.input.descriptors),
        job.params.retrieval["bins"],
        job.params.retrieval["layer_weights"],
        Path(job.output.bins),
    )


if __name__ == "__main__":
    run(main)
