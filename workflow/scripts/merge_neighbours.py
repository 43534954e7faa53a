"""Join the shards' neighbours and measure the recall."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.data.table import numbers_in_shards, read_images
from sjft.retrieval.histograms import concatenate, read_histograms, rows_of_shards
from sjft.retrieval.neighbours import merge_shards, of_targets, write_neighbours
from sjft.retrieval.recall import recall, require_recall
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings
from sjft.storage.files import digest_of_file


def main(snakemake: Any) -> None:
    """Read the shards' neighbours and histograms; write the neighbours of the whole source."""
    files = snakemake.input
    told = snakemake.config["told"]["retrievals"][snakemake.wildcards.retrieval]
    settings = known_part(RetrievalSettings, told["advice"] | snakemake.params.retrieval)
    shards = [Path(path) for path in files.shards]
    sources = numbers_in_shards(read_images(Path(files.source_images)), "train", len(shards))
    merged = merge_shards(shards, settings.neighbours_on_file, sources)
    targets = [read_histograms(Path(path)) for path in files.targets]
    histograms = [Path(path) for path in files.sources]
    measured = recall(merged, concatenate(targets), histograms, sources, settings)
    logging.info("recall by depth: %s", measured)
    require_recall(measured, settings)
    numbers = numbers_in_shards(read_images(Path(files.target_images)), "train", len(targets))
    rows = rows_of_shards([Path(path) for path in files.targets], numbers)
    write_neighbours(
        Path(snakemake.output.neighbours),
        of_targets(merged, rows),
        config=snakemake.params.retrieval,
        inputs={path.name: digest_of_file(path) for path in shards},
        recall=measured,
    )


if __name__ == "__main__":
    run(main, snakemake)
