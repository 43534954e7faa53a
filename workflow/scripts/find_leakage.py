"""Look for the target's held-out images in one source shard."""

from pathlib import Path

from job_runner import Job, paths, run, told
from sjft.leakage.shard import HashFiles, find_leakage
from sjft.retrieval.blocks import MB
from sjft.retrieval.shard_search import ShardFiles
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


def main(job: Job) -> None:
    """Read hashes and histograms of both sides; write copies, and each image's few nearest."""
    files, device = job.input, told(job, "retrievals", job.wildcards.retrieval)["device"]
    find_leakage(
        Path(files.target_images),
        HashFiles(paths(files.heldout_hashes), Path(files.source_hashes)),
        ShardFiles(paths(files.heldout), Path(files.sources), paths(files.index)),
        known_part(RetrievalSettings, job.params.retrieval, {"device": device}),
        job.resources.mem_mb * MB,
        copies=Path(job.output.copies),
        nearest=Path(job.output.nearest),
    )


if __name__ == "__main__":
    run(main)
