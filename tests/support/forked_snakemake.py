"""Snakemake's commands as forks of a process that has it loaded: loading takes half of a dry run.

What a command does after that is what `python -m snakemake` does, in a process of its own, except
that its jobs are forks too: see `forking_jobs`. Polars must not be loaded before the fork: its
threads would not be there after it.
"""

import atexit
import functools
import json
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from snakemake_marker import assert_marked

SECONDS = 1800


def snakemake(
    words: Sequence[str], folder: Path, environment: Mapping[str, str]
) -> tuple[int, str]:
    """How `snakemake` with these words ended in a folder, and all that stood on the terminal."""
    assert_marked()
    server = _server()
    assert server.stdin is not None and server.stdout is not None
    with tempfile.NamedTemporaryFile() as output:
        asked = {"words": [*words], "folder": str(folder), "environment": dict(environment)}
        print(json.dumps(asked | {"output": output.name}), file=server.stdin, flush=True)
        ready, _, _ = select.select([server.stdout], [], [], SECONDS)
        if not ready:
            server.kill()
            _server.cache_clear()
            raise TimeoutError(f"snakemake {' '.join(words)}: not ended after {SECONDS} s")
        code = server.stdout.readline()
        assert code, f"the process that forks ended with {server.wait()}"
        return int(code), Path(output.name).read_text("utf-8")


@functools.cache
def _server() -> subprocess.Popen[str]:
    folder = tempfile.TemporaryDirectory(prefix="jobs-")
    here, place = Path(__file__).parent, f"{folder.name}/place"
    # Other libraries read it when they are loaded.
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    started = (here / "forking_jobs.py", alone), (here / "forking_snakemake.py", {})
    jobs, commands = (
        subprocess.Popen(
            [sys.executable, program, place],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **changed},
        )
        for program, changed in started
    )
    atexit.register(folder.cleanup)
    for process in (jobs, commands):
        atexit.register(process.kill)
    return commands
