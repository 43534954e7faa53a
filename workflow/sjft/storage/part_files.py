"""The names of files that are being written, and what killed writers have left.

Two jobs may write the same file: where Snakemake was killed and started again, its first jobs may
still run, on this machine or on another node of a cluster. Each writes under a name of its own, and
removes what is left by those that have ended, never what another is writing.
"""

import os
import re
import secrets
import time
from glob import escape
from pathlib import Path
from socket import gethostname

# A writer on another machine can't be asked whether it lives; one that does goes on writing.
_SECONDS_UNTOUCHED = 24 * 3600


def part_file(path: Path) -> Path:
    """A name beside a path that no other writer has, with the machine and the process in it."""
    return path.with_name(f".{path.name}.{_host()}.{os.getpid()}.{secrets.token_hex(4)}.part")


def remove_left_over(path: Path) -> None:
    """Remove part files of a path whose writers have ended.

    Of this machine's processes that is known. What another machine writes is taken for left when
    nothing was written into it for a day. Raises `OSError` where the folder is read-only.
    """
    ours = re.compile(rf"\.{re.escape(path.name)}\.(?:([\w-]+)\.)?(\d+)(?:\.[0-9a-f]+)?\.part")
    for part in path.parent.glob(f".{escape(path.name)}.*.part"):
        if (found := ours.fullmatch(part.name)) and not _is_written(part, *found.groups()):
            part.unlink(missing_ok=True)


def _is_written(part: Path, host: str | None, process: str) -> bool:
    if host == _host():
        return _runs(int(process))
    try:
        return time.time() - part.stat().st_mtime < _SECONDS_UNTOUCHED
    except FileNotFoundError:  # its writer is done
        return True


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", gethostname())


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
