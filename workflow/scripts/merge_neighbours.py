"""Join the shards' neighbours and measure the recall."""

from pathlib import Path

from job_runner import Job, files, run, told
from sjft.retrieval.merging import SearchedFiles, merge_neighbours
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read the shards' neighbours and histograms; write the neighbours of the whole source."""
    decided_by, advice = job.params.retrieval, told(job, "advice", job.wildcards.retrieval)
    merge_neighbours(
        files(SearchedFiles, job.input),
        known_part(RetrievalSettings, advice, decided_by),
        decided_by,
        Path(job.output.neighbours),
    )


if __name__ == "__main__":
    run(main)
