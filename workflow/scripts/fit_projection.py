"""Fit the projection of a target's Hellinger vectors."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.retrieval.histograms import concatenate, read_histograms
from sjft.retrieval.projection import fit_projection


def main(snakemake: Any) -> None:
    """Read the target's histograms; write the projection."""
    retrieval = snakemake.params.retrieval
    shards = {path: read_histograms(Path(path)) for path in snakemake.input.histograms}
    fit_projection(
        concatenate(list(shards.values())),
        epsilon=retrieval["epsilon"],
        dimensions=retrieval["projection_dimensions"],
        sample=retrieval["projection_sample"],
        seed=retrieval["seed"],
        output=Path(snakemake.output.projection),
        inputs={path: shard.digest for path, shard in shards.items()},
    )


if __name__ == "__main__":
    run(main, snakemake)
