"""Join the shards' neighbours and measure the recall."""

from pathlib import Path

from job_runner import Job, paths, run, told
from sjft.retrieval.merging import PartHistograms, merge_neighbours
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read the shards' neighbours and histograms; write the neighbours of the whole source."""
    files, decided_by = job.input, job.params.retrieval
    advice = told(job, "retrievals", job.wildcards.retrieval)["advice"]
    merge_neighbours(
        paths(files.shards),
        PartHistograms(Path(files.target_images), paths(files.targets)),
        PartHistograms(Path(files.source_images), paths(files.sources)),
        known_part(RetrievalSettings, advice, decided_by),
        decided_by,
        Path(job.output.neighbours),
    )


if __name__ == "__main__":
    run(main)
