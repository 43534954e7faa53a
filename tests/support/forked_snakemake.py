"""Snakemake's commands as forks of a process that has it loaded: loading takes half of a dry run.

What a command does after that is what `python -m snakemake` does, in a process of its own. Polars
must not be loaded before the fork: its threads would not be there after it.
"""

import atexit
import functools
import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from snakemake_marker import assert_marked

SECONDS = 1800
SERVER = """
import json, os, sys
from snakemake import __file__ as package, cli

program = os.path.join(os.path.dirname(package), "__main__.py")
for line in sys.stdin:
    asked = json.loads(line)
    if not (child := os.fork()):
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        output = os.open(asked["output"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0), os.dup2(output, 1), os.dup2(output, 2)
        sys.path[0] = asked["folder"]
        sys.argv = [program, *asked["words"]]
        cli.main(asked["words"])
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


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
    started = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(started.kill)
    return started
