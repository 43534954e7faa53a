"""Runs that are at work in this folder, and jobs in Slurm that a killed run left behind.

A new run would do the same work beside them.
"""

import os
import pwd
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
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


def at_work_in(folder: Path) -> list[int]:
    """Processes of Snakemake's on this machine that run in the folder, but for this one.

    Nor those that have started this one, such as `timeout 2h snakemake ...`. None where the system
    has no `/proc`.
    """
    found = []
    own = {*_with_ancestors(os.getpid())}
    for place in Path("/proc").glob("[0-9]*"):
        number = int(place.name)
        if number not in own and _runs_snakemake(place, folder):
            found.append(number)
    return sorted(found)


def _with_ancestors(process: int) -> Iterator[int]:
    """A process, the one that has started it, and so on."""
    while process:
        yield process
        try:
            told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return
        # Behind the name, which may hold anything: the state, and the parent's number.
        process = int(told.rpartition(")")[2].split()[1])


def _runs_snakemake(place: Path, folder: Path) -> bool:
    try:
        words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
        here = (place / "cwd").resolve(strict=True) == folder.resolve()
    except OSError:  # it has ended meanwhile, or is another user's
        return False
    # `snakemake`, or `python -m snakemake`; not the jobs that these start.
    called = any(Path(word).name == "snakemake" for word in words[:3])
    return here and called and "--mode" not in words


def others_with_lock(folder: Path) -> list[str]:
    """The other users whose runs have locked the folder, by name, or by number without one.

    Where their processes run cannot be seen from here: on another machine, or on this one.
    """
    own, owners = os.getuid(), set[int]()
    for lock in folder.glob(".snakemake/locks/*.lock"):
        with suppress(FileNotFoundError):  # its run has just ended
            owners.add(lock.stat().st_uid)
    return sorted(map(_name_of_user, owners - {own}))


def _name_of_user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def ask_first(users: list[str], on_cluster: bool) -> str:
    """What to tell the user of a folder that other users' runs have locked."""
    look = ""
    if on_cluster:
        look = f" (`squeue --user={','.join(users)}` shows jobs that it has in Slurm)"
    return (
        f"The lock is of a run of {' and '.join(users)}, which may be at work, here or on another "
        f"machine{look}. Ask first, and unlock the folder only where that run was killed."
    )


def still_at_work(processes: list[int]) -> str:
    """What to tell the user of runs that are at work in the same folder."""
    numbers = " ".join(map(str, processes))
    return (
        f"A run is at work in this folder: process {numbers}. Do not unlock the folder under it. "
        "Let it end, and give your command again; or end it first, with Ctrl-C in its terminal or "
        f"by `kill {numbers}`, which lets the jobs end that it has begun."
    )
