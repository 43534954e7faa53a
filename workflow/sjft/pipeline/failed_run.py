"""The last words of a run that failed: where, with which error, and what to type."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sjft.pipeline.job_log import end_of_log, tells_an_error
from sjft.pipeline.slurm_words import what_slurm_says
from sjft.pipeline.terminal import command_again

FAILURES_SHOWN = 3
# Of further ones: where each of thousands of shards fails, so do as many jobs.
LOGS_NAMED = 10


class Failure(NamedTuple):
    """A job that failed: its rule, what it was doing, its log files, what a cluster says of it."""

    rule: str
    doing: str
    logs: Sequence[Path]
    said: str | None = None


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
    told: set[str] = set()
    for failure in failures[:FAILURES_SHOWN]:
        name = f"{failure.rule} ({failure.doing})"
        if failure.said in told:  # jobs that were sent together are refused together
            lines += ["", f"{name} failed, for the same reason."]
        else:
            lines += ["", f"{name} failed.", *_ends(failure)]
        told.update([failure.said] if failure.said else [])
    if more := failures[FAILURES_SHOWN:]:
        lines += ["", f"And {len(more)} more; their logs: {_named(more)}"]
    again = "When that is mended, this goes on where it stopped:" if failures else "This goes on:"
    return "\n".join([*lines, "", again, f"  {command_again(arguments)}"])


def _named(failures: Sequence[Failure]) -> str:
    """The first logs of some failures, and how many more of which rules there are."""
    logs = [str(failure.logs[0]) for failure in failures[:LOGS_NAMED] if failure.logs]
    rules = Counter(failure.rule for failure in failures[LOGS_NAMED:])
    rest = [f"{number} of {rule}" for rule, number in rules.items()]
    return ", ".join(logs) + (f"; and {', '.join(rest)}" if rest else "")


def _ends(failure: Failure) -> list[str]:
    """The last lines of each log, and what a cluster says."""
    said = what_slurm_says(failure.said) if failure.said else None
    if said and said.refused:
        return said.lines
    lines, error = list(said.lines) if said else [], False
    for log in failure.logs:
        end = end_of_log(log)
        error |= tells_an_error(end)
        lines.append(f"{log} ends with:" if end else f"{log} is empty.")
        lines += [f"  {line}" for line in end]
    if failure.logs and not error and not said:
        lines.append(
            "No error stands there. Where none stands above either, the job was killed, most often "
            "for want of memory: fewer jobs at a time (`--cores 1`) need less."
        )
    return lines
