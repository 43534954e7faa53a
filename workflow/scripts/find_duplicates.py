"""Look for the target's held-out pictures among its own training images."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.data.table import numbers_in_shards, read_images
from sjft.leakage.copies import USUAL_NEIGHBOUR, find_copies, list_leakage, near_zero
from sjft.leakage.hashes import read_hashes
from sjft.leakage.table import count_leakage, write_leakage
from sjft.retrieval.blocks import MB
from sjft.retrieval.histograms import concatenate, read_histograms, rows_of_shards
from sjft.retrieval.neighbours import of_targets
from sjft.retrieval.search import search_exactly
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read hashes and histograms of both parts; write duplicates.csv."""
    files = snakemake.input
    told = snakemake.config["told"]["retrievals"][snakemake.wildcards.retrieval]
    settings = known_part(
        RetrievalSettings, {**snakemake.params.retrieval, "device": told["device"]}
    )
    images = read_images(Path(files.images))
    paths = {
        "train": ([Path(p) for p in files.train_hashes], [Path(p) for p in files.train]),
        "heldout": ([Path(p) for p in files.heldout_hashes], [Path(p) for p in files.heldout]),
    }
    numbers = {part: numbers_in_shards(images, part, len(files.train)) for part in paths}
    hashes = {part: read_hashes(of_part[0], numbers[part]) for part, of_part in paths.items()}
    rows = {part: rows_of_shards(of_part[1], numbers[part]) for part, of_part in paths.items()}
    train, heldout = (
        concatenate([read_histograms(path) for path in paths[part][1]])
        for part in ("train", "heldout")
    )
    # A target is small enough to compare all pairs.
    nearest = search_exactly(
        heldout,
        train,
        min(USUAL_NEIGHBOUR, len(train.images)),
        settings.epsilon,
        snakemake.resources.mem_mb * MB,
        settings.device,
    )
    nearest = replace(nearest, sources=rows["train"][nearest.sources])
    found = list_leakage(
        [find_copies(hashes["heldout"], hashes["train"], settings.leakage.hash_distance)],
        near_zero(of_targets(nearest, rows["heldout"]), settings.leakage.divergence_share),
        images,
        images,
    )
    logging.info("duplicates of held-out images in the training images: %s", count_leakage(found))
    write_leakage(Path(snakemake.output.duplicates), found)


if __name__ == "__main__":
    run(main, snakemake)
