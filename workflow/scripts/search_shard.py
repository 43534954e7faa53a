"""Search one source shard for the target images' neighbours."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.histograms import concatenate, read_histograms
from sjft.neighbours import write_neighbours
from sjft.search import kept_per_shard, search_shard
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read histograms (and index and projection); write the shard's neighbours."""
    settings = RetrievalSettings.model_validate(snakemake.params.retrieval)
    targets = concatenate([read_histograms(Path(path)) for path in snakemake.input.targets])
    sources = read_histograms(Path(snakemake.input.sources), targets.digest_of_bins)
    kept = kept_per_shard(settings.neighbours_on_file, len(sources.images), snakemake.params.shards)
    logging.info("%d neighbours are kept of this shard", kept)
    found = search_shard(
        targets, sources, [Path(path) for path in snakemake.input.index], kept, settings
    )
    write_neighbours(
        Path(snakemake.output.neighbours),
        found,
        config=settings.model_dump(mode="json"),
        inputs={"bins": targets.digest_of_bins, "sources": sources.digest},
    )


if __name__ == "__main__":
    run(main, snakemake)
