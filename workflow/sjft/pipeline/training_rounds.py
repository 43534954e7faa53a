"""Which jobs of training an experiment asks for, what each waits for, and how long all take.

The same as `workflow/rules` make of the arms, without Snakemake: for a plan.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from sjft.settings.experiment import ExperimentSettings


class Job(NamedTuple):
    """A job of one run; rounds count from 0, and an evaluation belongs to the last one."""

    rule: Literal["finetune", "score_difficulty", "evaluate"]
    arm: str
    seed: int
    round: int


class Demand(NamedTuple):
    """Seconds that a job takes on so many ``threads``; ``alone`` beside no other such job."""

    seconds: float
    threads: int
    alone: bool


def mb_of_training(processes: int, cache_mb: int) -> int:
    """Megabytes of a training job: 4 GB a process on a CPU or a GPU's host, 2 GB, and the cache."""
    return 2000 + 4000 * processes + cache_mb


def compared_runs(experiment: ExperimentSettings) -> list[tuple[str, int]]:
    """(arm, seed) of the published run and of those that it is compared with."""
    publish = experiment.publish
    compared = [(arm, seed) for arm in publish.compare for seed in experiment.seeds]
    return list(dict.fromkeys([*compared, (publish.arm, publish.seed)]))


def jobs_of_training(experiment: ExperimentSettings) -> dict[Job, tuple[Job, ...]]:
    """All jobs behind the published model, each with the jobs that it waits for before it.

    `random-source` draws as many images as `selective` has: with it come the rounds of `selective`
    that this number follows from, whether `selective` itself is compared or not.
    """
    jobs: dict[Job, tuple[Job, ...]] = {}

    def ask(job: Job) -> None:
        if job not in jobs:
            before = tuple(_before(experiment, job))
            for other in before:
                ask(other)
            jobs[job] = before

    for arm, seed in compared_runs(experiment):
        ask(Job("evaluate", arm, seed, experiment.rounds - 1))
    return jobs


def _before(experiment: ExperimentSettings, job: Job) -> Iterator[Job]:
    if job.rule != "finetune":
        owner = _owner(experiment, job.arm, job.round)
        yield Job("finetune", owner, job.seed, job.round)
        return
    if job.round > 0:
        owner = _owner(experiment, job.arm, job.round - 1)
        yield Job("finetune", owner, job.seed, job.round - 1)
    yield from _before_subset(experiment, job.arm, job.seed, job.round)


def _owner(experiment: ExperimentSettings, arm: str, number: int) -> str:
    """The arm that trains a round: the first one may be another arm's."""
    return experiment.first_round_owner(arm) if number == 0 else arm


def _before_subset(
    experiment: ExperimentSettings, name: str, seed: int, number: int
) -> Iterator[Job]:
    arm = experiment.arm(name)
    if arm.iterates and number > 0:
        owner = _owner(experiment, name, number - 1)
        yield Job("score_difficulty", owner, seed, number - 1)
    if arm.as_many_as is not None:
        yield from _before_subset(experiment, arm.as_many_as, seed, number)


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
