"""Build the index of one source shard."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.retrieval.histograms import read_histograms
from sjft.retrieval.index import build_annoy_index
from sjft.retrieval.projection import read_projection
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import AnnoySettings


def main(snakemake: Any) -> None:
    """Read histograms and projection; write the index and its record."""
    projection = read_projection(Path(snakemake.input.projection))
    histograms = read_histograms(Path(snakemake.input.histograms), projection.digest_of_bins)
    build_annoy_index(
        projection.project(histograms),
        known_part(AnnoySettings, snakemake.params.retrieval["annoy"]),
        snakemake.params.retrieval["seed"],
        Path(snakemake.output.index),
        Path(snakemake.output.record),
        {"projection": projection.digest, "histograms": histograms.digest},
    )


if __name__ == "__main__":
    run(main, snakemake)
