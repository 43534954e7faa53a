"""Search one source shard for the target images' neighbours."""

from pathlib import Path
from typing import Any

from job_runner import run
from sjft.retrieval.blocks import MB
from sjft.retrieval.shard_search import ShardFiles, write_nearest_of_shard
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read histograms (and index and projection); write the shard's neighbours."""
    files, retrieval = snakemake.input, snakemake.params.retrieval
    told = snakemake.config["told"]["retrievals"][snakemake.wildcards.retrieval]
    write_nearest_of_shard(
        ShardFiles([*map(Path, files.targets)], Path(files.sources), [*map(Path, files.index)]),
        Path(snakemake.output.neighbours),
        known_part(RetrievalSettings, {**retrieval, "device": told["device"]}),
        shards=snakemake.params.shards,
        memory=snakemake.resources.mem_mb * MB,
    )


if __name__ == "__main__":
    run(main, snakemake)
