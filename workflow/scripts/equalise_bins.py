"""Find the equal-mass bins of a target."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.retrieval.bins import equalise_bins


def main(snakemake: Any) -> None:
    """Read the target's descriptors; write the bins."""
    equalise_bins(
        [Path(path) for path in snakemake.input.descriptors],
        snakemake.params.retrieval["bins"],
        snakemake.params.retrieval["layer_weights"],
        Path(snakemake.output.bins),
    )


if __name__ == "__main__":
    run(main, snakemake)
