"""Look for the target's held-out pictures in one source shard."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from job_runner import run
from sjft.histograms import concatenate, read_histograms
from sjft.images_table import numbers_in_shards, of_shard, read_images
from sjft.leakage import find_copies, list_leakage, near_zero, no_divergences, write_leakage
from sjft.neighbours import Neighbours
from sjft.picture_hashes import read_hashes
from sjft.search import search_shard
from sjft.settings.retrieval import RetrievalSettings

# Copies are the nearest: a handful a held-out image is more than any source has of one.
NEAREST = 10


def main(snakemake: Any) -> None:
    """Read hashes and histograms of both sides; write the pairs that are one picture."""
    files = snakemake.input
    settings = RetrievalSettings.model_validate(snakemake.params.retrieval)
    targets, sources = (read_images(Path(p)) for p in (files.target_images, files.source_images))
    numbers = numbers_in_shards(targets, "heldout", len(files.heldout))
    of_source = of_shard(sources, "train", int(snakemake.wildcards.shard))["image"].to_numpy()
    copies = find_copies(
        read_hashes([Path(path) for path in files.heldout_hashes], numbers),
        read_hashes([Path(files.source_hashes)], [of_source]),
        settings.leakage.hash_distance,
    )
    near = no_divergences()
    if settings.leakage.divergence is not None:
        neighbours = _nearest(files, numbers, of_source, settings)
        near = near_zero(neighbours, settings.leakage.divergence)
    found = list_leakage([copies], near, targets, sources)
    logging.info("%d pairs", len(found))
    write_leakage(Path(snakemake.output.leakage), found)


def _nearest(
    files: Any, numbers: list[Any], of_source: Any, settings: RetrievalSettings
) -> Neighbours:
    """The few nearest images of the shard to each held-out image, as rows of images.csv."""
    shards = [read_histograms(Path(path)) for path in files.heldout]
    sources = read_histograms(Path(files.sources), shards[0].digest_of_bins)
    found = search_shard(
        concatenate(shards),
        sources,
        [Path(path) for path in files.index],
        min(NEAREST, len(sources.images)),
        settings,
    )
    rows = np.concatenate([n[shard.images] for n, shard in zip(numbers, shards, strict=True)])
    return replace(found, targets=rows, sources=of_source[found.sources])


if __name__ == "__main__":
    run(main, snakemake)
