"""Make one ranking of several sources' neighbours."""

from itertools import zip_longest
from pathlib import Path

from job_runner import Job, paths, run
from sjft.selection.ranking import SourceFiles, rank_sources


def main(job: Job) -> None:
    """Read each source's neighbours and what leaks of it; write the ranking."""
    files, names = job.input, job.params.sources
    of_each = paths(files.images), paths(files.neighbours), paths(files.leakage)
    rank_sources(
        # No files of leakage where what leaks is not left out.
        {name: SourceFiles(*of_one) for name, *of_one in zip_longest(names, *of_each)},
        job.params.retrieval,
        Path(job.output.ranking),
    )


if __name__ == "__main__":
    run(main)
