"""Look for the target's held-out images in one source shard."""

from job_runner import Job, files, run, told
from sjft.leakage.shard import FoundFiles, LeakageFiles, find_leakage
from sjft.retrieval.blocks import MB
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read hashes and histograms of both sides; write copies, and each image's few nearest."""
    computing = told(job, "retrievals", job.wildcards.retrieval)
    find_leakage(
        files(LeakageFiles, job.input),
        files(FoundFiles, job.output),
        known_part(RetrievalSettings, job.params.retrieval, computing),
        job.resources.mem_mb * MB,
    )


if __name__ == "__main__":
    run(main)
