"""Faults that befall jobs: Python reads this at its start where the folder is in PYTHONPATH.

The variable FAULTS names a JSON file: by rule, what happens (`kill`, `hang` or `hold`), how often
(`times`), and, if not at once, after which file has been written (`after`, a part of its name).
"""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

HELD = []


def befall(fault: dict[str, Any], told: Path) -> None:
    """Let it happen to this process, and leave a file that says so."""
    for number in range(fault["times"]):
        try:
            told.with_suffix(f".{number}").touch(exist_ok=False)
            break
        except FileExistsError:
            continue
    else:
        return
    if fault["what"] == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault["what"] == "hold":
        HELD.append(b"1" * (fault["megabytes"] * 1_000_000))
        time.sleep(fault["seconds"])
    while fault["what"] == "hang":
        time.sleep(1)


def befall_after(fault: dict[str, Any], told: Path) -> None:
    """Let it happen as soon as a file is in its place."""
    replace = os.replace

    def replaced(source: Any, target: Any, **more: Any) -> None:
        replace(source, target, **more)
        if fault["after"] in str(target):
            befall(fault, told)

    os.replace = replaced


def main() -> None:
    """Find the rule whose script this process is, and its fault."""
    script = re.search(r"/scripts/tmp\w+\.(\w+)\.py$", sys.argv[0] if sys.argv else "")
    if script is None or "FAULTS" not in os.environ:
        return
    plan = Path(os.environ["FAULTS"])
    fault = json.loads(plan.read_text("utf-8")).get(script[1])
    if fault is not None:
        (befall_after if fault.get("after") else befall)(fault, plan.with_name(script[1]))


main()
