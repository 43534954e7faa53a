"""Fetch weights that torchvision publishes."""

from pathlib import Path

from job_runner import Job, data_root, run
from sjft.networks.torchvision_weights import fetch_weights


def main(job: Job) -> None:
    """Find or download the file that the wildcards name; write it under results/weights/."""
    fetch_weights(
        job.wildcards.network,
        job.wildcards.weights,
        Path(job.output.weights),
        data_root(job),
        job.config["weights_url"],
    )


if __name__ == "__main__":
    run(main)
