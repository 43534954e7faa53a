"""Fetch weights that torchvision publishes."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.networks.torchvision_weights import fetch_weights


def main(snakemake: Any) -> None:
    """Find or download the file that the wildcards name; write it under results/weights/."""
    fetch_weights(
        snakemake.wildcards.network,
        snakemake.wildcards.weights,
        Path(snakemake.output.weights),
        Path(snakemake.config["data_root"]),
        snakemake.config["weights_url"],
    )


if __name__ == "__main__":
    run(main, snakemake)
