"""Search one source shard for the target images' neighbours."""

import logging
from pathlib import Path
from typing import Any

import polars as pl

from job_runner import run
from sjft.histograms import concatenate, read_histograms
from sjft.images_table import read_images
from sjft.index import load_annoy_index
from sjft.neighbours import write_neighbours
from sjft.projection import read_projection
from sjft.search import kept_per_shard, search_candidates, search_exactly
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read histograms (and index and projection); write the shard's neighbours."""
    settings = RetrievalSettings.model_validate(snakemake.params.retrieval)
    targets = concatenate([read_histograms(Path(path)) for path in snakemake.input.targets])
    sources = read_histograms(Path(snakemake.input.sources), targets.digest_of_bins)
    images = read_images(Path(snakemake.input.images))
    kept = kept_per_shard(
        settings.neighbours_on_file,
        len(sources.images),
        len(images.filter(pl.col("split") == "train")),
    )
    if settings.backend == "exact":
        found = search_exactly(targets, sources, kept, settings.epsilon)
    else:
        projection, index, record = (Path(path) for path in snakemake.input.index)
        fitted = read_projection(projection)
        loaded = load_annoy_index(index, record, len(sources.images), settings.annoy)
        found = search_candidates(targets, fitted.project(targets), sources, loaded, kept, settings)
        logging.info(
            "Annoy returned too few items for %d searches, which were widened", loaded.widened
        )
    write_neighbours(
        Path(snakemake.output.neighbours),
        found,
        config=settings.model_dump(mode="json"),
        inputs={"bins": targets.digest_of_bins, "sources": sources.digest},
    )


if __name__ == "__main__":
    run(main, snakemake)
