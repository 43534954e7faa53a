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
