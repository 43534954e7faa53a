"""How long jobs take by the clock that wait for each other and share a machine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from sjft.layout import Job

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
Key = TypeVar("Key")


class Demand(NamedTuple):
    """Seconds that a job takes on so many ``threads``; ``alone`` beside no other such job."""

    seconds: float
    threads: int
    alone: bool


def elapsed(
    jobs: Mapping[Job, Sequence[Job]], demand: Callable[[Job], Demand], cores: int
) -> float:
    """Seconds from the first job's start to the last one's end, on so many cores.

    Jobs start in their order as soon as what they wait for is done and cores are free; a job that
    wants more threads than there are cores has them all.
    """
    waiting, running, done = list(jobs), dict[Job, float](), set[Job]()
    now, free, taken = 0.0, cores, False
    while waiting or running:
        for job in list(waiting):
            wanted = demand(job)
            threads = min(wanted.threads, cores)
            if done.issuperset(jobs[job]) and threads <= free and not (wanted.alone and taken):
                waiting.remove(job)
                running[job] = now + wanted.seconds
                free, taken = free - threads, taken or wanted.alone
        ended = min(running, key=lambda job: running[job])
        now = running.pop(ended)
        done.add(ended)
        wanted = demand(ended)
        free, taken = free + min(wanted.threads, cores), taken and not wanted.alone
    return now


def at_least(
    order: Iterable[Key],
    waits: Mapping[Key, Iterable[Key]],
    demand: Mapping[Key, Demand],
    cores: int,
) -> float:
    """Seconds that jobs take at the least, in no time: as much as `elapsed` where they fit well.

    It is the longer of all their work spread over all cores, and of the longest chain of jobs that
    wait for each other. ``order`` has each job behind those that it ``waits`` for; jobs without a
    ``demand`` take no time.
    """
    work, chain = 0.0, dict[Key, float]()
    for job in order:
        own = demand.get(job)
        seconds = own.seconds if own else 0.0
        chain[job] = seconds + max((chain.get(before, 0.0) for before in waits[job]), default=0.0)
        work += seconds * (min(own.threads, cores) if own else 0)
    return max(work / cores, max(chain.values(), default=0.0))


def in_words(seconds: float) -> str:
    """A length of time to two digits or so, in the unit that suits it."""
    for unit, name in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
        if seconds >= (1.5 if name == "minutes" else 2) * unit:
            number = seconds / unit
            return f"{number:.0f} {name}" if number >= 10 else f"{number:.1f} {name}"
    return f"{max(2, round(seconds))} seconds"
