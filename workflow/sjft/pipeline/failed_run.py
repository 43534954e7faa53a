"""The last words of a run that failed: where, with which error, and what to type."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sjft.pipeline.job_log import end_of_log, tells_an_error
from sjft.pipeline.terminal import command_again

FAILURES_SHOWN = 3


class Failure(NamedTuple):
    """A job that failed: its rule, what it was doing, and its log files."""

    rule: str
    doing: str
    logs: Sequence[Path]


def end_of_failed_run(
    failures: Sequence[Failure], done: int, jobs: int, arguments: Sequence[str]
) -> str:
    """What failed, the last lines of its log, and the command that goes on.

    ``done`` of the run's ``jobs`` have ended well; ``arguments`` are those of the command. Without
    ``failures`` the run was stopped from outside.
    """
    kept = f"{done} of {jobs} jobs are done, and stay done."
    if failures:
        many = f"{len(failures)} jobs" if len(failures) > 1 else "a job"
        lines = [f"The run has stopped: {many} failed. {kept}"]
    else:
        lines = [f"The run was stopped before its end. {kept}"]
    for failure in failures[:FAILURES_SHOWN]:
        lines += ["", f"{failure.rule} ({failure.doing}) failed.", *_ends(failure.logs)]
    if more := failures[FAILURES_SHOWN:]:
        logs = ", ".join(str(failure.logs[0]) for failure in more if failure.logs)
        lines += ["", f"And {len(more)} more; their logs: {logs}"]
    again = "When that is mended, this goes on where it stopped:" if failures else "This goes on:"
    return "\n".join([*lines, "", again, f"  {command_again(arguments)}"])


def _ends(logs: Sequence[Path]) -> list[str]:
    """The last lines of each log."""
    lines, error = [], False
    for log in logs:
        end = end_of_log(log)
        error |= tells_an_error(end)
        lines.append(f"{log} ends with:" if end else f"{log} is empty.")
        lines += [f"  {line}" for line in end]
    if logs and not error:
        lines.append(
            "No error stands there. Where none stands above either, the job was killed, most often "
            "for want of memory: fewer jobs at a time (`--cores 1`) need less."
        )
    return lines
