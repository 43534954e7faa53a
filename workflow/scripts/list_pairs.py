"""List which source image a round has borrowed for which target image."""

from pathlib import Path

from job_runner import Job, run
from sjft.selection.pairs import list_pairs


def main(job: Job) -> None:
    """Read manifest and ranking; write the pairs."""
    list_pairs(
        *(Path(job.input.subset), Path(job.input.targets), Path(job.input.ranking)),
        Path(job.output.pairs),
    )


if __name__ == "__main__":
    run(main)
