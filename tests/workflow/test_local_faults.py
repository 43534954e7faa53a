"""What befalls runs on one machine: it is said, and the same command ends with the right bytes."""

import subprocess
from pathlib import Path

import pytest
from befallen import assert_whole, befallen, running, wait_until, with_faults
from chain import Chain, Outcome, copy_all
from mounted import own_mounts
from tiny_runs import PAIRING, assert_refused

pytestmark = pytest.mark.slow

ROUND = "results/tiny/runs/fine-tune-0/round-0"
# A shard's descriptors, the lists of a source in two shards, and a model: three chains of jobs.
TARGETS = (
    "results/descriptors/coarse/store/train/0001.h5",
    f"{PAIRING}/store/neighbours.h5",
    f"{ROUND}/model.pt",
)
REMOVED = (*TARGETS, f"{PAIRING}/store/neighbours/0001.h5")


@pytest.fixture
def unfinished(chain: Chain, tmp_path: Path) -> Chain:
    """A copy of the finished run in which three of its files are to be made again."""
    copy = copy_all(chain, tmp_path / "unfinished")
    for name in REMOVED:
        (copy.root / name).unlink()
    return copy


def test_of_two_runs_at_once_one_is_refused_and_one_goes_on_after_its_jobs_were_killed(
    chain: Chain, unfinished: Chain, tmp_path: Path
) -> None:
    killed = ("extract_descriptors", "search_shard")
    env = with_faults(tmp_path / "faults", {rule: [{"what": "kill"}] for rule in killed})
    with running(unfinished, *TARGETS, "--retries", "1", env=env) as first:
        locks = unfinished.root / ".snakemake/locks"
        wait_until(lambda: list(locks.glob("*")) or first.poll() is not None, "the folder's lock")
        second = unfinished.snakemake(*TARGETS, "--retries", "1", env=env)
        wait_until(lambda: first.poll() is not None, "the end of the run")
    done = Outcome(first.returncode, (unfinished.root / "run.log").read_text("utf-8"))
    assert_refused(
        second,
        "no other Snakemake process is trying to create the same files",
        "A run is at work in this folder: process ",
        "Do not unlock the folder under it. Let it end, and give your command again",
    )
    assert done.code == 0, done.output
    assert befallen(env) == [f"{rule}.0" for rule in killed]
    assert_whole(unfinished, chain, *TARGETS)


# Room for the lists of a shard, and for none of the targets.
DISKS = """
mount -t tmpfs -o size=64m none results
cp -a kept/. results
run() {{ {command} > $1.txt 2>&1 && code=$? || code=$?; echo $code > $1.code; }}

mount -o remount,ro results
run read-only

mount -o remount,rw results
touch before
cat /dev/zero > results/ballast 2> /dev/null || truncate --size=-{room} results/ballast
run full
find results -type f -newer before > written.txt

rm results/ballast
run after
cp -a results/. kept
"""


def test_a_disk_that_is_read_only_or_full_is_said_and_the_same_command_goes_on(
    chain: Chain, unfinished: Chain
) -> None:
    if (mounts := own_mounts()) is None:
        pytest.skip("nothing can be mounted here (`unshare --mount` is refused)")
    root = unfinished.root
    unfinished.results.rename(root / "kept")
    unfinished.results.mkdir()
    command = subprocess.list2cmdline(unfinished.command(*TARGETS, "--keep-going"))
    script = DISKS.format(command=command, room=8192)
    subprocess.run(
        [*mounts, "sh", "-euc", script], cwd=root, env=unfinished.environment(), check=True
    )
    read_only, full, after = (
        Outcome(int((root / f"{name}.code").read_text()), (root / f"{name}.txt").read_text("utf-8"))
        for name in ("read-only", "full", "after")
    )
    assert_refused(read_only, "Write-protected output files for rule ", "The disk may be read-only")
    no_room = [f"{name}: cannot be written (No space left on device). Make" for name in TARGETS]
    assert_refused(full, *no_room, "The run has stopped: 3 jobs failed.")
    # What had room is whole; of the others there is nothing, but for what they said.
    written = (root / "written.txt").read_text("utf-8").split()
    assert set(written).isdisjoint(TARGETS)
    assert not [name for name in written if name.endswith(".part")]
    assert after.code == 0, after.output
    unfinished.results.rmdir()
    (root / "kept").rename(unfinished.results)
    assert_whole(unfinished, chain, *TARGETS)
