"""Faults that befall jobs: Python reads this at its start where the folder is in PYTHONPATH.

The variable FAULTS names a JSON file: by rule, a list of what happens to the first of its jobs
that starts, to the second, and so on; further ones are left alone. What can happen (`what`):
`kill`, `hang`, `hold` (so many `megabytes` for so many `seconds`), or `pause`, which ends with a
signal that the job takes. It happens at once, or as soon as a file is in its place (`after`, a part
of its name), or a line goes into the log (`said`, a part of it).
"""

import json
import logging
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

HELD = []


def next_of(faults: list[dict[str, Any]], told: Path) -> tuple[dict[str, Any], Path] | None:
    """The first fault that no other job has taken, and the file that says that it has happened."""
    for number, fault in enumerate(faults):
        try:
            told.with_suffix(f".{number}.taken").touch(exist_ok=False)
        except FileExistsError:
            continue
        return fault, told.with_suffix(f".{number}")
    return None


def befall(fault: dict[str, Any], told: Path) -> None:
    """Let it happen to this process, and leave a file that says so."""
    told.touch()
    if fault["what"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault["what"] == "hold":
        HELD.append(b"1" * (fault["megabytes"] * 1_000_000))
        time.sleep(fault["seconds"])
    if fault["what"] == "pause":
        signal.pause()
    while fault["what"] == "hang":
        time.sleep(1)


def befall_after(fault: dict[str, Any], told: Path) -> None:
    """Let it happen as soon as a file is in its place, once."""
    replace = os.replace

    def replaced(source: Any, target: Any, **more: Any) -> None:
        replace(source, target, **more)
        if fault["after"] in str(target) and not told.exists():
            befall(fault, told)

    os.replace = replaced


def befall_when_said(fault: dict[str, Any], told: Path) -> None:
    """Let it happen as soon as a line is logged, once."""
    made = logging.getLogRecordFactory()

    def record(*parts: Any, **more: Any) -> logging.LogRecord:
        line = made(*parts, **more)
        if fault["said"] in line.getMessage() and not told.exists():
            befall(fault, told)
        return line

    logging.setLogRecordFactory(record)


def main() -> None:
    """Find the rule whose script this process is, and its fault."""
    script = re.search(r"/scripts/tmp\w+\.(\w+)\.py$", sys.argv[0] if sys.argv else "")
    if script is None or "FAULTS" not in os.environ:
        return
    plan = Path(os.environ["FAULTS"])
    faults = json.loads(plan.read_text("utf-8")).get(script[1], [])
    if (found := next_of(faults, plan.with_name(script[1]))) is not None:
        fault, told = found
        when = {"after": befall_after, "said": befall_when_said}
        (started,) = [when[key] for key in when if key in fault] or [befall]
        started(fault, told)


main()
