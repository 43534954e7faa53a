"""Join the shards' neighbours and measure the recall."""

import logging
from pathlib import Path
from typing import Any

from job_runner import run
from sjft.files import digest_of_file
from sjft.histograms import concatenate, read_histograms
from sjft.neighbours import merge_shards, write_neighbours
from sjft.recall import recall, require_recall
from sjft.settings.retrieval import RetrievalSettings


def main(snakemake: Any) -> None:
    """Read the shards' neighbours and histograms; write the neighbours of the whole source."""
    settings = RetrievalSettings.model_validate(snakemake.params.retrieval)
    shards = [Path(path) for path in snakemake.input.shards]
    merged = merge_shards(shards, settings.neighbours_on_file)
    targets = concatenate([read_histograms(Path(path)) for path in snakemake.input.targets])
    measured = recall(merged, targets, [Path(p) for p in snakemake.input.sources], settings)
    logging.info("recall by depth: %s", measured)
    require_recall(measured, settings)
    write_neighbours(
        Path(snakemake.output.neighbours),
        merged,
        config=settings.model_dump(mode="json"),
        inputs={path.name: digest_of_file(path) for path in shards},
        recall=measured,
    )


if __name__ == "__main__":
    run(main, snakemake)
