"""Build the index of one source shard."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.retrieval.index.backend import IndexFiles
from sjft.retrieval.index.build import build_index
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read histograms and projection; write the index and its record."""
    build_index(
        Path(snakemake.input.histograms),
        Path(snakemake.input.projection),
        known_part(RetrievalSettings, snakemake.params.retrieval),
        IndexFiles(Path(snakemake.output.index), Path(snakemake.output.record)),
    )


if __name__ == "__main__":
    run(main, snakemake)
