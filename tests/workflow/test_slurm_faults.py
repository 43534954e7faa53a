"""What befalls jobs on a cluster: a chain through a real Slurm ends with the right bytes."""

import signal
from pathlib import Path
from typing import Any

import pytest
from befallen import assert_whole, befallen, running, wait_until, with_faults
from chain import Chain
from slurm_cluster import NODES, Cluster, OnSlurm

pytestmark = pytest.mark.slow

RUN = "results/tiny/runs/fine-tune-0"
TARGET = f"{RUN}/evaluation.json"
DESCRIPTORS = "results/descriptors/small/images/train/0000.h5"
WHOLE = (TARGET, f"{RUN}/round-0/model.pt", f"{RUN}/round-0/targets.csv", DESCRIPTORS)


def checkpoints_often(config: dict[str, Any]) -> None:
    config["checkpoints"] = {"updates": 1}


def places_of(cluster: Cluster, rule: str) -> list[tuple[str, str]]:
    """Numbers and nodes of a rule's running jobs, those that are about to end as well."""
    listed = cluster.call("squeue", "--noheader", "--states=R,CG", "--format=%i %N %k")
    parts = [line.split(maxsplit=2) for line in listed.splitlines() if rule in line]
    return [(number, node) for number, node, _ in parts]


def place_of(cluster: Cluster, rule: str) -> tuple[str, str]:
    """Those of its only one."""
    (place,) = places_of(cluster, rule)
    return place


def limit_time(cluster: Cluster, rule: str, minutes: int) -> None:
    """Let a rule's running job have less time than it has asked for, as a short partition would.

    Slurm looks twice a minute whose time is over, or nearly so.
    """
    number, _ = place_of(cluster, rule)
    cluster.call("scontrol", "update", f"jobid={number}", f"timelimit={minutes}")


def test_jobs_killed_cancelled_preempted_too_large_too_long_or_without_a_node_are_done_again(
    chain: Chain, fresh: Chain, slurm: Cluster, tmp_path: Path
) -> None:
    fresh.configure(checkpoints_often)
    faults = {
        "generate_images": [{"what": "kill"}],
        "list_images": 2 * [{"what": "hang"}],  # and is cancelled, and has to make room
        # The first is over time, and the second attempt is killed.
        "extract_descriptors": [{"what": "hang"}, {"what": "kill"}],
        # More than its rule asks for first, and less than for its second attempt.
        "select_subset": 2 * [{"what": "hold", "megabytes": 450, "seconds": 15}],
        # It waits until Slurm says that its time is nearly over.
        "finetune": [
            {"what": "pause", "said": " target images of "},
            {"what": "kill", "after": "update-00000002"},
        ],
        "evaluate": [{"what": "hang"}],  # and loses its node
    }
    env = slurm.environment | with_faults(tmp_path / "faults", faults)
    with running(OnSlurm(fresh.root), TARGET, DESCRIPTORS, env=env) as run:
        wait_until(lambda: "list_images.0" in befallen(env), "the listing's start")
        slurm.call("scancel", place_of(slurm, "list_images")[0])
        wait_until(lambda: "list_images.1" in befallen(env), "the listing's second start")
        urgent = ("--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null")
        slurm.call("sbatch", *urgent, "--wrap=true")
        wait_until(lambda: "extract_descriptors.0" in befallen(env), "the extraction's start")
        limit_time(slurm, "extract_descriptors", 1)
        wait_until(lambda: "finetune.0" in befallen(env), "the training's start")
        limit_time(slurm, "finetune", 3)
        wait_until(lambda: "evaluate.0" in befallen(env), "the evaluation's start")
        wait_until((fresh.root / DESCRIPTORS).exists, "the extraction's file")
        wait_until(lambda: not places_of(slurm, "extract_descriptors"), "the extraction's end")
        _, node = place_of(slurm, "evaluate")
        # It comes back by itself (ReturnToService), as its daemon is alive.
        slurm.call("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        wait_until(lambda: run.poll() is not None, "the end of the run")
    output = (fresh.root / "run.log").read_text("utf-8")
    assert run.returncode == 0, output + slurm.logs()
    assert_whole(fresh, chain, *WHOLE)
    assert befallen(env) == sorted(
        f"{rule}.{n}" for rule in faults for n in range(len(faults[rule]))
    )
    # Training wrote a checkpoint when its time was nearly over, and went on from there; and from
    # the one that it had written before it was killed.
    told = [path.read_text("utf-8") for path in fresh.results.glob("logs/slurm/**/*.log")]
    stopped = "sjft: The job was asked to end (SIGTERM) and stopped after update 1. Run again"
    assert any(stopped in text for text in told), told
    log = (fresh.root / "results/logs/finetune/tiny/fine-tune-0/round-0.log").read_text("utf-8")
    assert "goes on after update 2, from " in log
    jobs = slurm.finished()
    states = [job["JobState"] for job in jobs]
    assert states.count("FAILED") >= 5, states
    ends = ("CANCELLED", "NODE_FAIL", "PREEMPTED", "TIMEOUT")
    assert [states.count(state) for state in ends] == [1, 1, 1, 1], jobs
    # The attempts that failed left their logs. The second ones asked for twice 11 minutes.
    for rule, limit in (("extract_descriptors", "1"), ("finetune", "3")):
        failed = {path.stem for path in fresh.results.glob(f"logs/slurm/*{rule}/**/*.log")}
        assert [job["TimeLimit"] for job in jobs if job["JobId"] in failed] == [limit, "22"], rule
    assert {job["NodeList"] for job in jobs if job["Partition"] == "main"} <= {*NODES}


def test_a_run_that_was_killed_leaves_jobs_that_the_next_one_names(
    chain: Chain, fresh: Chain, slurm: Cluster, tmp_path: Path
) -> None:
    images = "results/datasets/images/images.csv"
    env = slurm.environment | with_faults(
        tmp_path / "faults", {"generate_images": [{"what": "hang"}]}
    )
    ours = OnSlurm(fresh.root)
    with running(ours, images, env=env) as run:
        wait_until(lambda: befallen(env), "the first job's start")
        run.send_signal(signal.SIGKILL)
        run.wait()
    name = slurm.call("squeue", "--noheader", "--states=R", "--format=%j").strip()
    locked = ours.snakemake(images, env=env)
    assert locked.code != 0
    assert f"scancel --name={name}" in locked.output
    unlocked = ours.snakemake(images, "--unlock", env=env)
    assert unlocked.code == 0, unlocked.output
    assert f"scancel --name={name}" in unlocked.output
    refused = ours.snakemake(images, env=env)
    assert refused.code != 0
    assert "1 job of an older run is still in Slurm for this folder: " in refused.output
    assert "Traceback" not in refused.output
    slurm.call("scancel", f"--name={name}")
    wait_until(lambda: not slurm.call("squeue", "--noheader", "--states=R,CG"), "its end")
    again = ours.snakemake(images, env=env)
    assert again.code == 0, again.output
    assert_whole(fresh, chain, images)
