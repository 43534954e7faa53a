"""Fit the projection of a target's Hellinger vectors."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.retrieval.projection import write_projection_of_target
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read the target's histograms; write the projection."""
    write_projection_of_target(
        [Path(path) for path in snakemake.input.histograms],
        Path(snakemake.output.projection),
        known_part(RetrievalSettings, snakemake.params.retrieval),
    )


if __name__ == "__main__":
    run(main, snakemake)
