"""Search one source shard for the target images' neighbours."""

import logging
import math
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.retrieval.blocks import MB
from sjft.retrieval.budget import candidates_per_shard, kept_per_shard
from sjft.retrieval.histograms import concatenate, open_histograms, read_histograms
from sjft.retrieval.neighbours import write_neighbours
from sjft.retrieval.search import search_shard
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read histograms (and index and projection); write the shard's neighbours."""
    told = snakemake.config["told"]["retrievals"][snakemake.wildcards.retrieval]
    settings = known_part(
        RetrievalSettings, {**snakemake.params.retrieval, "device": told["device"]}
    )
    targets = concatenate([read_histograms(Path(path)) for path in snakemake.input.targets])
    with open_histograms(Path(snakemake.input.sources), targets.digest_of_bins) as sources:
        sizes = settings.neighbours_on_file, len(sources.images), snakemake.params.shards
        kept = kept_per_shard(*sizes)
        logging.info("%d neighbours are kept of this shard", kept)
        found = search_shard(
            targets,
            sources,
            [Path(path) for path in snakemake.input.index],
            kept=kept,
            candidates=candidates_per_shard(*sizes, settings.candidates_factor),
            settings=settings,
            memory=snakemake.resources.mem_mb * MB,
            needed=math.ceil(settings.neighbours_on_file / snakemake.params.shards),
        )
        write_neighbours(
            Path(snakemake.output.neighbours),
            found,
            config={**snakemake.params.retrieval, "device": settings.device},
            inputs={"bins": targets.digest_of_bins, "sources": sources.digest},
        )


if __name__ == "__main__":
    run(main, snakemake)
