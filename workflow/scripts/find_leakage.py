"""Look for the target's held-out pictures in one source shard."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.data.table import numbers_in_shards, read_images
from sjft.leakage.copies import USUAL_NEIGHBOUR, find_copies, write_copies
from sjft.leakage.hashes import read_hashes
from sjft.retrieval.blocks import MB
from sjft.retrieval.budget import candidates_per_shard
from sjft.retrieval.histograms import concatenate, open_histograms, read_histograms
from sjft.retrieval.neighbours import write_neighbours
from sjft.retrieval.search import search_shard
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read hashes and histograms of both sides; write copies, and each picture's few nearest.

    Target images are rows of images.csv here, source images are numbered within the shard.
    """
    files, output = snakemake.input, snakemake.output
    told = snakemake.config["told"]["retrievals"][snakemake.wildcards.retrieval]
    settings = known_part(
        RetrievalSettings, {**snakemake.params.retrieval, "device": told["device"]}
    )
    targets = read_images(Path(files.target_images))
    copies = find_copies(
        read_hashes(
            [Path(path) for path in files.heldout_hashes],
            numbers_in_shards(targets, "heldout", len(files.heldout_hashes)),
        ),
        read_hashes([Path(files.source_hashes)]),
        settings.leakage.hash_distance,
    )
    logging.info("%d pairs by content or perceptual hash", len(copies))
    write_copies(Path(output.copies), copies)
    heldout = concatenate([read_histograms(Path(path)) for path in files.heldout])
    with open_histograms(Path(files.sources), heldout.digest_of_bins) as sources:
        images, factor = len(sources.images), settings.candidates_factor
        write_neighbours(
            Path(output.nearest),
            search_shard(
                heldout,
                sources,
                [Path(path) for path in files.index],
                kept=min(USUAL_NEIGHBOUR, images),
                candidates=candidates_per_shard(USUAL_NEIGHBOUR, images, 1, factor),
                settings=settings,
                memory=snakemake.resources.mem_mb * MB,
            ),
            config={**snakemake.params.retrieval, "device": settings.device},
            inputs={"bins": heldout.digest_of_bins, "sources": sources.digest},
        )


if __name__ == "__main__":
    run(main, snakemake)
