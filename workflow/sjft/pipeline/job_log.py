"""What a job's log tells from outside: how far the job is, and how it ended."""

import os
import re
from pathlib import Path
from typing import NamedTuple

# Lines of `sjft.progress`: under way, and at the end of a loop.
UNDER_WAY = re.compile(r" INFO (.+: \d+ of (?:\d+) \S+)(?:, .*?)?(?:, (\d+) s left)?$")
WITHOUT_TOTAL = re.compile(r" INFO (.+: \d+ \S+), (?:[\d.]+ a second|\d+ s for each)()$")
ENDED = re.compile(r" INFO .+: \d+ \S+ in [\d.]+ s$")
ERROR = re.compile(r"^\d{4}-\d\d-\d\d \S+ ERROR ")
TAIL_BYTES = 8192
LAST_LINES = 12


class InJob(NamedTuple):
    """How far a job is, in words, and the seconds that its loop will still take, if it says so."""

    words: str
    seconds_left: float | None


def how_far(log: Path) -> InJob | None:
    """What the last line of a job's log says of its progress.

    None where there is no such log, or it tells of none, or of a loop that has ended.
    """
    for line in reversed(_last_lines(log)):
        if ENDED.search(line):
            return None
        if found := UNDER_WAY.search(line) or WITHOUT_TOTAL.search(line):
            return InJob(found[1], float(found[2]) if found[2] else None)
    return None


def end_of_log(log: Path) -> list[str]:
    """The last lines of the log of a job that failed, from the error on that it tells, if any.

    A long one (a traceback) is its first line and its last ones.
    """
    lines = _last_lines(log)
    errors = [place for place, line in enumerate(lines) if ERROR.match(line)]
    end = lines[errors[-1] :] if errors else lines[-LAST_LINES:]
    return end if len(end) <= 2 * LAST_LINES else [end[0], "...", *end[-LAST_LINES:]]


def tells_an_error(lines: list[str]) -> bool:
    """Whether the end of a log holds an error; a process that is killed leaves none."""
    return any(ERROR.match(line) for line in lines)


def _last_lines(log: Path) -> list[str]:
    """Of the last bytes of a log; none where it is not there, or cannot be read now."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return []
