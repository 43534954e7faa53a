"""Forks of a process that has Snakemake loaded, for `forked_snakemake`, line by line of its input.

    python forking_snakemake.py PLACE

PLACE is the socket of `forking_jobs`, which runs the jobs.
"""

import gc
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

from forks import become, end_after
from snakemake import __file__ as package
from snakemake import cli
from snakemake.script import PythonScript

PROGRAM = str(Path(package).with_name("__main__.py"))
ASKS = str(Path(__file__).with_name("forked_job.py"))


def execute_script(self: Any, fname: str, edit: bool = False) -> None:
    """In place of Snakemake's own, which starts Python with the script."""
    forked = {"python": sys.executable, "asks": ASKS, "place": sys.orig_argv[-1]}
    command = "{python} -ISs {asks} {place} {fname:q}"
    self._execute_cmd(command, fname=fname, is_python_script=True, **forked)


def serve() -> None:
    """Fork for each line, and say how each fork ended."""
    PythonScript.execute_script = execute_script
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        if not (child := os.fork()):
            words = asked["words"]
            output = os.open(asked["output"], os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
            nothing = os.open(os.devnull, os.O_RDONLY)
            for ours, theirs in enumerate((nothing, output, output)):
                os.dup2(theirs, ours)
            folder = asked["folder"]
            become(folder, asked["environment"], [PROGRAM, *words], Path(folder))
            end_after(partial(cli.main, words))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
