"""Look for the target's held-out pictures in one source shard."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.data.table import numbers_in_shards, read_images
from sjft.leakage.copies import USUAL_NEIGHBOUR, find_copies, write_copies
from sjft.leakage.hashes import read_hashes
from sjft.retrieval.blocks import MB
from sjft.retrieval.shard_search import ShardFiles, write_nearest_of_shard
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
    write_nearest_of_shard(
        ShardFiles([*map(Path, files.heldout)], Path(files.sources), [*map(Path, files.index)]),
        Path(output.nearest),
        settings,
        shards=1,
        memory=snakemake.resources.mem_mb * MB,
        on_file=USUAL_NEIGHBOUR,
    )


if __name__ == "__main__":
    run(main, snakemake)
