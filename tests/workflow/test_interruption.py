"""A run that is killed goes on; jobs import the library of the folder they run in."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from chain import Chain, copy_all
from tiny_runs import (
    PAIRING,
)


def kill_when_there(chain: Chain, target: str, pattern: str) -> None:
    """Start a run and kill it, with all its jobs, as soon as a file is there."""
    log = chain.root / "killed.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            chain.command(target),
            cwd=chain.root,
            env=chain.environment(),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        until = time.monotonic() + 300
        while not list(chain.results.glob(pattern)) and time.monotonic() < until:
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert list(chain.results.glob(pattern))


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(chain: Chain, tmp_path: Path) -> None:
    target = "results/twice/model.pt"
    begun = copy_all(chain, tmp_path / "begun")
    # What is left has come as far as descriptors and bins.
    for later in (f"{PAIRING}/store", "results/twice", "results/logs/finetune/twice"):
        shutil.rmtree(begun.root / later)
    kill_when_there(begun, target, "retrieval/approximate/images/store/neighbours/*.h5")
    begun.make("--unlock")
    kill_when_there(begun, target, "logs/finetune/twice/selective-0/round-1.log")
    begun.make("--unlock")
    begun.make(target)
    last = "results/twice/runs/selective-0/round-1"
    for name in (
        f"{PAIRING}/store/neighbours.h5",
        f"{last}/subset.csv",
        f"{last}/model.pt",
        target,
    ):
        assert (begun.root / name).read_bytes() == (chain.root / name).read_bytes(), name


def test_jobs_import_the_library_of_the_folder_they_run_in(fresh: Chain, tmp_path: Path) -> None:
    (tmp_path / "other/sjft").mkdir(parents=True)
    (tmp_path / "other/sjft/__init__.py").write_text("raise ImportError('the wrong library')\n")
    with fresh.edited(
        "workflow/sjft/data/synthetic.py",
        lambda text: text + '\nPath("imported_from").write_text(__file__, encoding="utf-8")\n',
    ):
        made = "results/datasets/images/generated"
        fresh.make(made, env={"PYTHONPATH": str(tmp_path / "other")})
        imported_from = (fresh.root / "imported_from").read_text(encoding="utf-8")
        assert imported_from == str(fresh.root / "workflow/sjft/data/synthetic.py")
