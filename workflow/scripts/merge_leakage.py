"""Say which images of a source show a held-out picture of the target."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.data.table import numbers_in_shards, read_images
from sjft.leakage.copies import USUAL_NEIGHBOUR, list_leakage, near_zero, read_copies
from sjft.leakage.table import count_leakage, write_leakage
from sjft.retrieval.histograms import rows_of_shards
from sjft.retrieval.neighbours import merge_shards, of_targets


def main(snakemake: Any) -> None:
    """Read what was found in all shards, and both listings; write leakage.csv."""
    files = snakemake.input
    targets, sources = (read_images(Path(p)) for p in (files.target_images, files.source_images))
    numbers = numbers_in_shards(sources, "train", len(files.copies))
    nearest = merge_shards([Path(path) for path in files.nearest], USUAL_NEIGHBOUR, numbers)
    heldout = numbers_in_shards(targets, "heldout", len(files.heldout))
    found = list_leakage(
        [read_copies(Path(path), n) for path, n in zip(files.copies, numbers, strict=True)],
        near_zero(
            of_targets(nearest, rows_of_shards([Path(path) for path in files.heldout], heldout)),
            snakemake.params.leakage["divergence_share"],
        ),
        targets,
        sources,
    )
    logging.info("leakage: %s", count_leakage(found))
    write_leakage(Path(snakemake.output.leakage), found)


if __name__ == "__main__":
    run(main, snakemake)
