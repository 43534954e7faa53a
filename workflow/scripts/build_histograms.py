"""Build the histograms of one shard over a target's bins."""

from pathlib import Path

from job_runner import Job, run
from sjft.retrieval.histograms import build_histograms


def main(job: Job) -> None:
    """Read descriptors and bins; write histograms."""
    build_histograms(Path(job.input.descriptors), Path(job.input.bins), Path(job.output.histograms))


if __name__ == "__main__":
    run(main)
