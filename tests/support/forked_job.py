"""What a forked Snakemake starts for a job: it has the script run by a fork, and ends as that does.

    python -ISs forked_job.py PLACE SCRIPT

PLACE is the socket of `forking_jobs`. The fork gets this process's folder, variables and terminal,
and the signals that ask this process to end.
"""

import json
import os
import signal
import socket
import sys
import time

TERMINAL = (0, 1, 2)
SECONDS_TO_LOAD = 300


def ask(place: str, script: str) -> int:
    """Have a script run; returns its exit code, or ends by the signal that it has ended by."""
    job, told = 0, 0

    def pass_on(number: int, _frame: object) -> None:
        nonlocal told
        told = number
        if job:
            os.kill(job, number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    asking = _connected(place)
    folder = os.getcwd()  # noqa: PTH109  (pathlib would double the time that this takes)
    asked = {"script": script, "folder": folder, "environment": dict(os.environ)}
    socket.send_fds(asking, [json.dumps(asked).encode()], TERMINAL)
    answers = asking.makefile()
    job = int(answers.readline())
    if told:
        os.kill(job, told)
    code = int(answers.readline())
    if code < 0:
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    return code


def _connected(place: str) -> socket.socket:
    until = time.monotonic() + SECONDS_TO_LOAD
    asking = socket.socket(socket.AF_UNIX)
    while True:
        try:
            asking.connect(place)
            return asking
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(ask(*sys.argv[1:]))
