"""Say which images of a source show a held-out image of the target."""

from pathlib import Path

from job_runner import Job, paths, run
from sjft.leakage.source import FoundInShards, merge_leakage


def main(job: Job) -> None:
    """Read what was found in all shards, and both listings; write leakage.csv."""
    files = job.input
    merge_leakage(
        FoundInShards(paths(files.copies), paths(files.nearest)),
        paths(files.heldout),
        Path(files.target_images),
        Path(files.source_images),
        job.params.leakage["divergence_share"],
        Path(job.output.leakage),
    )


if __name__ == "__main__":
    run(main)
