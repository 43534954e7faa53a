"""Hash the pictures of one shard of a data set."""

from pathlib import Path
from typing import Any

import polars as pl

from job_runner import folder, limits_on, run
from sjft.data.table import of_shard, read_images
from sjft.leakage.hashes import hash_images


def main(snakemake: Any) -> None:
    """Read images.csv and the pictures; write their hashes."""
    wildcards = snakemake.wildcards
    images = of_shard(
        read_images(Path(snakemake.input.images)), wildcards.part, int(wildcards.shard)
    )
    hash_images(
        images.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("image")),
        folder(snakemake.params.place, snakemake.config["data_root"]),
        Path(snakemake.output.hashes),
        {"pictures": snakemake.params.pictures},
        limits_on(wildcards.dataset, snakemake.config),
    )


if __name__ == "__main__":
    run(main, snakemake)
