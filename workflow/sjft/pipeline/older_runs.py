"""Jobs in Slurm that a killed run left behind: a new one would do the same work beside them."""

import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# Waiting, starting, running, held back for a while: not those that have ended.
STATES = "PD,CF,R,S"
FORMAT = "%j|%Z|%k"
NAMED = 3  # jobs, in a message


@dataclass(frozen=True)
class QueuedJob:
    """A job in Slurm: the ``run`` of Snakemake's that sent it, and ``what`` it does."""

    run: str
    what: str


def queued_in(folder: Path) -> list[QueuedJob]:
    """The user's jobs whose working directory is the folder; none where there is no Slurm."""
    command = ["squeue", "--me", "--noheader", f"--states={STATES}", f"--format={FORMAT}"]
    try:
        listed = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=60
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for line in listed.splitlines():
        run, place, what = line.split("|", 2)
        if Path(place).resolve() == folder.resolve():
            found.append(QueuedJob(run.strip(), what.strip()))
    return found


def refusal(jobs: list[QueuedJob]) -> str:
    """What to tell the user, with the commands to type."""
    runs = Counter(job.run for job in jobs)
    named = ", ".join(job.what for job in jobs[:NAMED])
    more = f" and {len(jobs) - NAMED} more" if len(jobs) > NAMED else ""
    jobs_are = (
        "1 job of an older run is" if len(jobs) == 1 else f"{len(jobs)} jobs of older runs are"
    )
    commands = "\n".join(f"  scancel --name={run}" for run in runs)
    return (
        f"{jobs_are} still in Slurm for this folder: {named}{more}.\nA new run would do the same "
        f"work beside them. Wait for them to end, or cancel them:\n{commands}\nIf the folder is "
        "locked, then run the same command with --unlock, and again without."
    )
