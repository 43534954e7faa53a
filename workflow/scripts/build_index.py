"""Build the index of one source shard."""

from pathlib import Path

from job_runner import Job, run
from sjft.retrieval.index.backend import IndexFiles
from sjft.retrieval.index.build import build_index
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read histograms and projection; write the index and its record."""
    build_index(
        Path(job.input.histograms),
        Path(job.input.projection),
        known_part(RetrievalSettings, job.params.retrieval),
        IndexFiles(Path(job.output.index), Path(job.output.record)),
    )


if __name__ == "__main__":
    run(main)
