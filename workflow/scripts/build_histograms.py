"""Build the histograms of one shard over a target's bins."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.retrieval.bins import read_bins
from sjft.retrieval.histograms import build_histograms


def main(snakemake: Any) -> None:
    """Read descriptors and bins; write histograms."""
    bins = Path(snakemake.input.bins)
    build_histograms(
        Path(snakemake.input.descriptors),
        read_bins(bins),
        bins,
        Path(snakemake.output.histograms),
    )


if __name__ == "__main__":
    run(main, snakemake)
