"""Hash the images of one shard of a data set."""

from pathlib import Path

from job_runner import Job, image_folder, run, told
from sjft.leakage.hashes import hash_shard
from sjft.settings.image_limits import limits_among


def main(job: Job) -> None:
    """Read images.csv and the images; write their hashes."""
    hash_shard(
        Path(job.input.images),
        job.wildcards.part,
        int(job.wildcards.shard),
        image_folder(job, job.params.place),
        Path(job.output.hashes),
        job.params.content,
        limits_among(told(job, "datasets", job.wildcards.dataset)),
    )


if __name__ == "__main__":
    run(main)
