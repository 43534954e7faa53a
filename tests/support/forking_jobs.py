"""Forks of a process that has torch and the like loaded, for the jobs of a forked Snakemake.

    python forking_jobs.py PLACE

Loading takes a job of the tests a second or two, and what it does a tenth of that. What a job does
after it is what `python SCRIPT` does, in a process of its own; `forked_job` asks for it at the
socket PLACE. Polars must not be loaded before the fork: its threads would not be there after it.
How many threads a job has it is told by its rule, as ever.
"""

import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn

from forked_job import TERMINAL
from forks import become, end_after

LOADED = (
    *("snakemake.script", "numpy", "h5py", "numba", "annoy", "torch", "torch.distributed"),
    *("torchvision.models", "torchvision.transforms.v2", "pydantic", "yaml", "PIL.Image"),
    *("simplejpeg", "isal.isal_zlib", "jinja2", "scipy.stats", "scipy.ndimage", "altair"),
)
MOST = 10**6  # bytes of what is asked


def listen(place: str) -> None:
    """Fork for each who asks, until the standard input ends."""
    for name in LOADED:
        importlib.import_module(name)
    assert "polars" not in sys.modules
    # What is here is no garbage, and looking at it would copy it for each job.
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    door = socket.socket(socket.AF_UNIX)
    door.bind(place)
    door.listen()
    while sys.stdin not in select.select([door, sys.stdin], [], [])[0]:
        asking, _ = door.accept()
        if not os.fork():
            door.close()
            _answer(asking)
        asking.close()


def _answer(asking: socket.socket) -> NoReturn:
    """Run what is asked for, and say its number and, when it has ended, how."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    said, terminal, _, _ = socket.recv_fds(asking, MOST, len(TERMINAL))
    if job := os.fork():
        asking.sendall(f"{job}\n".encode())
        code = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
        asking.sendall(f"{code}\n".encode())
        os._exit(0)
    asking.close()
    for ours, theirs in zip(TERMINAL, terminal, strict=True):
        os.dup2(theirs, ours)
    asked = json.loads(said)
    script = asked["script"]
    become(asked["folder"], asked["environment"], [script], Path(script).parent)
    end_after(lambda: runpy.run_path(script, run_name="__main__"))


if __name__ == "__main__":
    listen(sys.argv[1])
