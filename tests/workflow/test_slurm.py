"""A short chain through a real Slurm, by the profile: the bytes of a run on this machine."""

from typing import Any

import pytest
from chain import Chain
from slurm_cluster import NODES, Cluster, OnSlurm

pytestmark = pytest.mark.slow

# An arm that needs no retrieval, with two seeds: eight jobs, four of them with a GPU.
RUN = "results/tiny/runs/fine-tune-0"
TARGETS = [f"{run}/evaluation.json" for run in (RUN, "results/tiny/runs/fine-tune-1")]


def on_a_gpu_if_there_is_one(config: dict[str, Any]) -> None:
    config["experiments"]["tiny"]["training"]["device"] = "auto"


def test_a_chain_through_slurm_gives_the_same_bytes_on_both_nodes(
    chain: Chain, fresh: Chain, slurm: Cluster
) -> None:
    # Where there is no GPU it computes on the CPU, as the other run does; it asks for one still.
    fresh.configure(on_a_gpu_if_there_is_one)
    outcome = OnSlurm(fresh.root).snakemake(*TARGETS, env=slurm.environment)
    assert outcome.code == 0, outcome.output + slurm.logs()
    for name in ("round-0/subset.csv", "round-0/model.pt", "evaluation.json"):
        ours, theirs = (root / RUN / name for root in (fresh.root, chain.root))
        assert ours.read_bytes() == theirs.read_bytes(), ours
    jobs = slurm.finished()
    assert {job["JobState"] for job in jobs} == {"COMPLETED"}
    assert {job["NodeList"] for job in jobs} == set(NODES)
    # Without accounting Slurm does not write down who had a GPU: `test_cluster_profile` looks at
    # what is asked for.
    assert len(jobs) == 8
    assert not list(fresh.root.rglob("*.part"))


def test_what_slurm_refuses_is_told_with_its_words(fresh: Chain, slurm: Cluster) -> None:
    """Of jobs that are sent together as of one that is sent alone."""
    lists = [f"results/datasets/{name}/images.csv" for name in ("images", "store")]
    assert fresh.make(*lists).code == 0
    # Two nodes of two cores each: none has room for three shards side by side.
    shards = [f"results/datasets/store/hashes/train/000{n}.h5" for n in (0, 1)]
    together = [*shards, "results/datasets/images/hashes/train/0000.h5"]
    too_large = "results/descriptors/small/images/train/0000.h5"
    outcome = OnSlurm(fresh.root).snakemake(*together, "--retries", "0", env=slurm.environment)
    last = outcome.output[outcome.output.index("The run has stopped: 3 jobs failed.") :]
    assert last.count("Slurm refused it: sbatch: error: ") == 1
    assert last.count("failed, for the same reason.") == 2
    assert "Requested node configuration is not available" in last
    assert "--cpus-per-task=3" in last and "`side_by_side`" in last
    assert "want of memory" not in last
    asked = ("--retries", "0", "--set-resources", "extract_descriptors:mem_mb=99000000")
    outcome = OnSlurm(fresh.root).snakemake(too_large, *asked, env=slurm.environment)
    last = outcome.output[outcome.output.index("The run has stopped: a job failed.") :]
    assert "Slurm refused it: sbatch: error: " in last and "--mem 99000000" in last
    assert "extract_descriptors (Descriptors of images (train), shard 0000, bank small)" in last
