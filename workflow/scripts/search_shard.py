"""Search one source shard for the target images' neighbours."""

from pathlib import Path

from job_runner import Job, files, run, told
from sjft.retrieval.blocks import MB
from sjft.retrieval.shard_search import ShardFiles, write_nearest_of_shard
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read histograms (and index and projection); write the shard's neighbours."""
    computing = told(job, "retrievals", job.wildcards.retrieval)
    write_nearest_of_shard(
        files(ShardFiles, job.input),
        Path(job.output.neighbours),
        known_part(RetrievalSettings, job.params.retrieval, computing),
        shards=job.params.shards,
        memory=job.resources.mem_mb * MB,
    )


if __name__ == "__main__":
    run(main)
