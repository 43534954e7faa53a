"""What befalls jobs on a cluster: a chain through a real Slurm ends with the right bytes."""

import signal
from pathlib import Path
from typing import Any

import pytest
from befallen import assert_whole, befallen, running, wait_until, with_faults
from chain import Chain
from slurm_cluster import NODES, Cluster

pytestmark = pytest.mark.slow

RUN = "results/tiny/runs/fine-tune-0"
TARGET = f"{RUN}/evaluation.json"
PROFILE = ["--workflow-profile", "workflow/profiles/slurm"]
QUICK = ["--slurm-init-seconds-before-status-checks", "10", "--latency-wait", "20"]
WHOLE = (TARGET, f"{RUN}/round-0/model.pt", f"{RUN}/round-0/targets.csv")


def checkpoints_often(config: dict[str, Any]) -> None:
    config["checkpoints"] = {"updates": 1}


def place_of(cluster: Cluster, rule: str) -> tuple[str, str]:
    """Number and node of a rule's running job."""
    listed = cluster.call("squeue", "--noheader", "--states=R", "--format=%i %N %k")
    (line,) = [line for line in listed.splitlines() if rule in line]
    number, node, _ = line.split(maxsplit=2)
    return number, node


def test_jobs_that_are_killed_cancelled_too_large_or_lose_their_node_are_done_again(
    chain: Chain, fresh: Chain, slurm: Cluster, tmp_path: Path
) -> None:
    fresh.configure(checkpoints_often)
    faults = {
        "generate_images": {"what": "kill"},
        "list_images": {"what": "hang"},  # and is cancelled
        # More than its rule asks for first, and less than for its second attempt.
        "select_subset": {"what": "hold", "times": 2, "megabytes": 450, "seconds": 15},
        "finetune": {"what": "kill", "after": "update-00000001"},
        "evaluate": {"what": "hang"},  # and loses its node
    }
    env = slurm.environment | with_faults(tmp_path / "faults", faults)
    with running(fresh, TARGET, *PROFILE, *QUICK, env=env) as run:
        wait_until(lambda: "list_images.0" in befallen(env), "the listing's start")
        slurm.call("scancel", place_of(slurm, "list_images")[0])
        wait_until(lambda: "evaluate.0" in befallen(env), "the evaluation's start")
        _, node = place_of(slurm, "evaluate")
        # It comes back by itself (ReturnToService), as its daemon is alive.
        slurm.call("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        wait_until(lambda: run.poll() is not None, "the end of the run")
    output = (fresh.root / "run.log").read_text("utf-8")
    assert run.returncode == 0, output + slurm.logs()
    assert_whole(fresh, chain, *WHOLE)
    times = {"generate_images.0", "list_images.0", "finetune.0", "evaluate.0"}
    assert {*befallen(env)} == times | {"select_subset.0", "select_subset.1"}
    # Training went on from the checkpoint that it had written before it was killed.
    log = (fresh.root / "results/logs/finetune/tiny/fine-tune-0/round-0.log").read_text("utf-8")
    assert "goes on after update 1, from " in log
    states = [job["JobState"] for job in slurm.finished()]
    assert states.count("FAILED") >= 3, states
    assert (states.count("CANCELLED"), states.count("NODE_FAIL")) == (1, 1), states
    assert {job["NodeList"] for job in slurm.finished()} <= {*NODES}


def test_a_run_that_was_killed_leaves_jobs_that_the_next_one_names(
    chain: Chain, fresh: Chain, slurm: Cluster, tmp_path: Path
) -> None:
    images = "results/datasets/images/images.csv"
    env = slurm.environment | with_faults(
        tmp_path / "faults", {"generate_images": {"what": "hang"}}
    )
    with running(fresh, images, *PROFILE, *QUICK, env=env) as run:
        wait_until(lambda: befallen(env), "the first job's start")
        run.send_signal(signal.SIGKILL)
        run.wait()
    name = slurm.call("squeue", "--noheader", "--states=R", "--format=%j").strip()
    locked = fresh.snakemake(images, *PROFILE, env=env)
    assert locked.code != 0
    assert f"scancel --name={name}" in locked.output
    unlocked = fresh.snakemake(images, *PROFILE, "--unlock", env=env)
    assert unlocked.code == 0, unlocked.output
    assert f"scancel --name={name}" in unlocked.output
    refused = fresh.snakemake(images, *PROFILE, env=env)
    assert refused.code != 0
    assert "1 job of an older run is still in Slurm for this folder: " in refused.output
    assert "Traceback" not in refused.output
    slurm.call("scancel", f"--name={name}")
    wait_until(lambda: not slurm.call("squeue", "--noheader", "--states=R,CG"), "its end")
    again = fresh.snakemake(images, *PROFILE, *QUICK, env=env)
    assert again.code == 0, again.output
    assert_whole(fresh, chain, images)
