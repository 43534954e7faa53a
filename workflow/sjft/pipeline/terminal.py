"""What a terminal shows of each job: in few words, and saying what to do."""

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sjft.layout import RESERVED
from sjft.pipeline import older_runs
from sjft.pipeline.rerun_reasons import changed_settings, first_names
from sjft.settings.config import Configuration, unknown_experiment

LISTED_FILES = re.compile(
    r"((?:Missing output|Incomplete output|Updated input|Input) files[^:;]*: )(.*?)(?=; [A-Z]|$)"
)
NO_RULE = re.compile(r"No rule to produce results/([^/\s]+)/")

# What to do before a folder is unlocked whose jobs may still run in Slurm.
CANCEL_FIRST = (
    "Where a run was killed its jobs in Slurm go on, and a new run would do the same work beside "
    "them. `squeue --me --format='%j %k'` shows them; cancel those of the old run first, by its "
    "`SLURM run ID`, which it has printed: `scancel --name=ID`. Then run `snakemake --unlock`."
)
# Of a lock of the user's own, where no run of theirs is at work on this machine.
ELSEWHERE = (
    "No run of yours is at work in this folder on this machine. Where other machines share it, "
    "make sure that none is at work there."
)
# Beside files that Snakemake calls write-protected.
MAKE_WRITABLE = (
    "The disk may be read-only, or they are another user's. Make it writable, or check your "
    "rights, and run again."
)


# How Snakemake says, of a dry run alone, that it has no record of jobs that are done; and, of any
# run, that all are.
NO_RECORD, ALL_DONE = "missing provenance/metadata", "Nothing to be done"


def jobs_without_record(dag: Any) -> int:
    """How many jobs of Snakemake's graph are taken to be done, of which there is no record."""
    return sum(dag.reason(job).no_metadata and not dag.needrun(job) for job in dag.jobs)


def without_record(jobs: int) -> str:
    """What to tell of jobs that are done, where there is no record of what they went by."""
    done = "1 job that is done" if jobs == 1 else f"{jobs} jobs that are done"
    return (
        f"Of {done} there is no record in .snakemake. Whether settings, images or the program have "
        "changed since cannot be told: what is there is taken as it is. The record lies in the "
        "folder that snakemake was called in: where results were moved or copied, take its "
        ".snakemake/metadata along. To make all anew: the same command with --forceall."
    )


def with_missing_record(message: Any, workflow: Any) -> Any:
    """A message of Snakemake's ``workflow``, with what is to be said of jobs without a record."""
    if NO_RECORD in str(message):
        return without_record(jobs_without_record(workflow.dag))
    if not str(message).startswith(ALL_DONE) or workflow.dryrun:
        return message
    jobs = jobs_without_record(workflow.dag)
    return f"{message}\n{without_record(jobs)}" if jobs else message


def shorter(reason: str) -> str:
    """The reason of a job with the first of its files alone."""
    return LISTED_FILES.sub(lambda found: found[1] + first_names(found[2].split(", ")), reason)


def with_settings(
    reason: str, change: str, params: Mapping[str, Any], new: Collection[str], old: Collection[str]
) -> str:
    """The reason with the settings that changed, in place of the words about the ``change``.

    ``params`` are a job's settings; ``new`` those that no earlier one fits, and ``old`` the earlier
    ones that fit none of today's, each as its `repr`.
    """
    settings = {name: value for name, value in params.items() if repr(value) in new}
    return reason.replace(change, changed_settings(settings, old))


def missing_experiment(message: str, c: Configuration) -> str:
    """What to add to a message that nothing makes a file: its experiment may not exist."""
    found = NO_RULE.search(message)
    if found is None or found[1] in c.experiments or found[1] in RESERVED:
        return ""
    return f"\n{unknown_experiment(found[1], c)}"


def command_again(arguments: Sequence[str], *, unlock: bool = False) -> str:
    """The command that a run was given, to be typed again; or the one that unlocks its folder."""
    return shlex.join(["snakemake", *(["--unlock"] if unlock else []), *arguments])


def about_lock(arguments: Sequence[str], on_cluster: bool) -> str:
    """What to do about a folder that another run has locked, or left so.

    ``arguments`` are those of the command that was refused.
    """
    if at_work := older_runs.at_work_in(Path.cwd()):
        return older_runs.still_at_work(at_work)
    told = [f"The command, and then the same one again: {command_again(arguments, unlock=True)}"]
    if others := older_runs.others_with_lock(Path.cwd()):
        told.insert(0, older_runs.ask_first(others, on_cluster))
    elif on_cluster:
        left = older_runs.queued_in(Path.cwd())
        told.insert(0, older_runs.refusal(left) if left else CANCEL_FIRST)
    else:
        told.insert(0, ELSEWHERE)
    return "\n".join(told)
