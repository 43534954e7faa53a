"""How long jobs take by the clock that wait for each other and share a machine."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from sjft.layout import Job


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
