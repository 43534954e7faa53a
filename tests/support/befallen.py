"""Runs whose jobs meet with faults, see `job_faults`, and what is left of them."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chain import Chain

FAULTS = Path(__file__).parent / "job_faults"


def with_faults(folder: Path, faults: dict[str, list[dict[str, Any]]]) -> dict[str, str]:
    """Variables of a run in which these befall the jobs of some rules, one after the other."""
    folder.mkdir(exist_ok=True)
    plan = folder / "faults.json"
    plan.write_text(json.dumps(faults))
    return {"PYTHONPATH": str(FAULTS), "FAULTS": str(plan)}


def befallen(environment: dict[str, str]) -> list[str]:
    """What has happened so far: rules, and which of their faults."""
    plan = Path(environment["FAULTS"])
    return sorted(path.name for path in plan.parent.iterdir() if path.suffix[1:].isdigit())


@contextmanager
def running(
    chain: Chain, *arguments: str, env: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """A run that goes on beside the test, in a group of its own; its output is `run.log`."""
    with (chain.root / "run.log").open("w") as output:
        process = subprocess.Popen(
            chain.command(*arguments),
            cwd=chain.root,
            env=chain.environment(env),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_until(true: Callable[[], object], what: str, seconds: float = 600) -> None:
    """Wait for something that must come about; the limit is for a machine that is very busy."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.2)


def assert_whole(chain: Chain, undisturbed: Chain, *names: str) -> None:
    """These files have the bytes of an undisturbed run, and no part file is left."""
    for name in names:
        assert (chain.root / name).read_bytes() == (undisturbed.root / name).read_bytes(), name
    assert not list(chain.results.rglob("*.part"))
