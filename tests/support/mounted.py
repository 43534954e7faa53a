"""Commands with disks of their own, mounted for them alone: full ones, and read-only ones."""

import subprocess
from collections.abc import Sequence
from functools import cache


@cache
def own_mounts() -> list[str] | None:
    """What stands before a command that may mount; None where there can be no such thing here.

    Root may as a rule, others only where the system lets them have a name space of their own. What
    is mounted is seen by the command and what it starts, and is gone when these have ended.
    """
    for options in (["--mount"], ["--map-root-user", "--mount"]):
        before = ["unshare", *options]
        if _works([*before, "mount", "-t", "tmpfs", "none", "/mnt"]):
            return before
    return None


def _works(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
