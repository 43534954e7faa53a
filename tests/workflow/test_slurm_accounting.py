"""A cluster with accounts: jobs are asked after with `sacct`, which knows what has ended."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from befallen import assert_whole, befallen, running, wait_until, with_faults
from chain import Chain
from slurm_accounting import COMMANDS_WITH_ACCOUNTS, accounts, missing_accounting
from slurm_cluster import Cluster, OnSlurm, missing, running_cluster

pytestmark = pytest.mark.slow


@pytest.fixture
def with_accounts() -> Iterator[Cluster]:
    pytest.importorskip(
        "snakemake_executor_plugin_slurm", reason="it is missing: pip install '.[slurm]'"
    )
    if reason := missing() or missing_accounting():
        pytest.skip(reason)
    with running_cluster(accounts, COMMANDS_WITH_ACCOUNTS) as cluster:
        yield cluster


def test_jobs_that_end_are_cancelled_or_killed_are_seen_in_the_accounts(
    chain: Chain, fresh: Chain, with_accounts: Cluster, tmp_path: Path
) -> None:
    images = "results/datasets/images/images.csv"
    faults = {"generate_images": [{"what": "kill"}], "list_images": [{"what": "hang"}]}
    env = with_accounts.environment | with_faults(tmp_path / "faults", faults)
    asking = ("--slurm-status-command", "sacct")
    with running(OnSlurm(fresh.root), images, *asking, env=env) as run:
        wait_until(lambda: "list_images.0" in befallen(env), "the listing's start", 120)
        listed = with_accounts.call("squeue", "--noheader", "--states=R", "--format=%i %k")
        (number,) = [line.split()[0] for line in listed.splitlines() if "list_images" in line]
        with_accounts.call("scancel", number)
        wait_until(lambda: run.poll() is not None, "the end of the run", 120)
    output = (fresh.root / "run.log").read_text("utf-8")
    assert run.returncode == 0, output + with_accounts.logs()
    assert_whole(fresh, chain, images)
    told = with_accounts.call("sacct", "-X", "--noheader", "--parsable2", "--format=State")
    states = [line.split()[0] for line in told.splitlines()]
    assert sorted(states) == ["CANCELLED", "COMPLETED", "COMPLETED", "FAILED"]
