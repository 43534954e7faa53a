"""The last words of a run: what came of it and what to do next, or what failed and what to type."""

import shlex
from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from sjft import layout
from sjft.layout import Job
from sjft.pipeline.job_log import end_of_log, tells_an_error
from sjft.reports.conclusion import closing
from sjft.reports.summary import read_summary

# What is worth words at the end of a run, by the rule that makes it.
WORTH_WORDS = ("publish", "ablate", "explore", "describe")
FAILURES_SHOWN = 3


class Failure(NamedTuple):
    """A job that failed: its rule, what it was doing, and its log files."""

    rule: str
    doing: str
    logs: Sequence[Path]


def end_of_run(
    made: Iterable[Job], configfiles: Sequence[str], snakefile: str | None = None
) -> str:
    """What a run came to, experiment by experiment; empty where it made no results.

    ``made`` are the jobs that ran; the others are as `sjft.reports.conclusion.closing` takes them.
    """
    of_experiment: dict[str, set[str]] = {}
    for job in made:
        if job.rule in WORTH_WORDS:
            of_experiment.setdefault(job.names["experiment"], set()).add(job.rule)
    told = (
        _came_to(name, rules, configfiles, snakefile)
        for name, rules in sorted(of_experiment.items())
    )
    return "\n\n".join(filter(None, told))


def _came_to(
    name: str, rules: Collection[str], configfiles: Sequence[str], snakefile: str | None
) -> str:
    said = []
    summary = Path(layout.SUMMARY.of(experiment=name))
    if summary.is_file():  # an ablation may be asked for alone
        found = read_summary(summary)
        said += [found["table"]] if "publish" in rules else []
        said.append(closing(found, configfiles, snakefile))
    ablation = Path(layout.ABLATION_TEXT.of(experiment=name))
    if "ablate" in rules and ablation.is_file():
        said += [f"Of all seeds of the ablation, {ablation}:", *_verdict_of(ablation)]
    return "\n\n".join(said)


def _verdict_of(ablation: Path) -> Iterable[str]:
    """The paragraphs between an ablation's heading and its table."""
    _, *paragraphs = ablation.read_text(encoding="utf-8").split("\n\n")
    return takewhile(lambda paragraph: not paragraph.startswith("|"), paragraphs)


def command_again(arguments: Sequence[str], *, unlock: bool = False) -> str:
    """The command that a run was given, to be typed again; or the one that unlocks its folder."""
    return shlex.join(["snakemake", *(["--unlock"] if unlock else []), *arguments])


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
