"""Hash the images of one shard of a data set."""

from pathlib import Path

from job_runner import Job, images_of_shard, run
from sjft.leakage.hashes import hash_shard


def main(job: Job) -> None:
    """Read images.csv and the images; write their hashes."""
    hash_shard(images_of_shard(job), Path(job.output.hashes))


if __name__ == "__main__":
    run(main)
