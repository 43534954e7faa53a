"""How long an experiment will take on this machine, from what its jobs cost, and what to lower."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from sjft.pipeline.retrieval_cost import Stage
from sjft.pipeline.training_cost import TrainingCost
from sjft.pipeline.training_rounds import Job, compared_runs, elapsed, jobs_of_training

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
# Of the rules score_difficulty and evaluate; and of those without a row, at most.
MB_OF_SCORING, MB_OF_OTHERS = 4000, 2000
START = "import sjft.training.round, sjft.evaluation.accuracy, time; print(time.process_time())"


def usable_cores() -> int:
    """The cores that this process may use, as `snakemake --cores all` counts them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def seconds_of_start() -> float:
    """Seconds of a core that a job needs before it begins: Python, torch, and the library."""
    ended = subprocess.run(
        [sys.executable, "-c", START], capture_output=True, text=True, check=True
    )
    return float(ended.stdout)


@dataclass(frozen=True)
class Forecast:
    """The ``stages`` before training and the ``cost`` of training, on so many ``cores``.

    ``others`` is the number of jobs that have no row of their own, ``start`` what each job needs
    before its work in seconds, ``training_mb`` the memory of a training job.
    """

    stages: Sequence[Stage]
    cost: TrainingCost
    others: int
    start: float
    training_mb: int
    cores: int

    @cached_property
    def jobs(self) -> dict[Job, tuple[Job, ...]]:
        """The jobs of training, each with those that it waits for."""
        return jobs_of_training(self.cost.experiment)

    def rows(self) -> list[Stage]:
        """All stages, and a last row for the other jobs and the start of all of them."""
        rows = [*self.stages, *self._rows_of_training()]
        starts = (self.others + sum(row.jobs for row in rows)) * self.start
        published = self.cost.speeds.model_bytes
        return [*rows, Stage("others; all starts", self.others, published, starts, MB_OF_OTHERS)]

    def _rows_of_training(self) -> Iterator[Stage]:
        for rule in ("finetune", "score_difficulty", "evaluate"):
            jobs = [job for job in self.jobs if job.rule == rule]
            trains = rule == "finetune"
            if jobs:
                disk = len(jobs) * self.cost.speeds.model_bytes if trains else 0.0
                mb = self.training_mb if trains else MB_OF_SCORING
                yield Stage(rule, len(jobs), disk, sum(map(self.cost.seconds, jobs)), mb)

    @property
    def seconds_before_training(self) -> float:
        """By the clock, where nothing else runs; with the start of the jobs."""
        starts = (self.others + sum(stage.jobs for stage in self.stages)) * self.start
        work = sum(stage.seconds / min(self.cores, stage.jobs) for stage in self.stages)
        return work + starts / self.cores

    @property
    def seconds_of_training(self) -> float:
        """By the clock, from the first round's start to the last evaluation's end."""
        return elapsed(
            self.jobs, lambda job: self.cost.demand(job, self.cores, self.start), self.cores
        )

    @property
    def seconds(self) -> float:
        """By the clock, of everything."""
        return self.seconds_before_training + self.seconds_of_training

    def text(self) -> str:
        """What is trained, how long all takes, and what to lower where that is days."""
        experiment, training = self.cost.experiment, self.cost.experiment.training
        runs = compared_runs(experiment)
        alone = any(not experiment.arm(arm).with_sources for arm, _ in runs)
        trained = len({(job.arm, job.seed) for job in self.jobs if job.rule == "finetune"})
        lines = [
            f"Training: {experiment.rounds} rounds of {training.updates} updates of "
            f"{training.target_batch * training.accumulate} target images and as many source "
            f"images{' (`fine-tune`: none)' if alone else ''}, in {trained} run"
            f"{'s' if trained > 1 else ''}.",
            self._machine(),
        ]
        if self.seconds > DAY:
            lines += [f"This is long. What makes it shorter:{''.join(self._advice())}"]
        return "\n".join(lines)

    def _machine(self) -> str:
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        total, training = in_words(self.seconds), in_words(self.seconds_of_training)
        where = cores if self.cost.speeds.device == "cpu" else f"{cores} and a GPU"
        return (
            f"On this machine's {where} all of it takes about {total}, {training} of them for "
            "training, where nothing else runs."
        )

    def _advice(self) -> Iterator[str]:
        experiment, training = self.cost.experiment, self.cost.experiment.training
        if self.cost.speeds.device == "cpu":
            yield "\n  - a GPU, or a cluster (workflow/profiles/slurm): this was measured on a CPU"
        if self.seconds_of_training > self.seconds / 2:
            yield (
                f"\n  - training.input_size ({training.input_size}): half the side is a quarter "
                f"of the time; training.network ({training.network}): a smaller one"
            )
            yield (
                f"\n  - training.updates ({training.updates}), training.accumulate "
                f"({training.accumulate}), rounds ({experiment.rounds}): time is proportional "
                "to each"
            )
            if len(compared_runs(experiment)) > 1:
                arms = ", ".join(experiment.publish.compare)
                yield f"\n  - publish.compare ({arms}) and seeds: each arm and seed is a run"
        else:
            yield "\n  - more cores: the stages before training are many jobs"
            yield "\n  - a smaller `crop` of the bank, or a part of the source"
        yield "\n  - `sjft init TARGET SOURCE --minutes N` writes a configuration of that length"


def in_words(seconds: float) -> str:
    """A length of time to two digits or so, in the unit that suits it."""
    for unit, name in ((DAY, "days"), (HOUR, "hours"), (MINUTE, "minutes")):
        if seconds >= (1.5 if name == "minutes" else 2) * unit:
            number = seconds / unit
            return f"{number:.0f} {name}" if number >= 10 else f"{number:.1f} {name}"
    return f"{max(2, round(seconds))} seconds"
