"""How long an experiment will take on this machine, from what its jobs cost, and what to lower."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from sjft.layout import MEASURED, NOT_MEASURED, Job
from sjft.pipeline.elapsed import DAY, Demand, elapsed, in_words
from sjft.pipeline.jobs import Jobs, among
from sjft.pipeline.prices import Stage
from sjft.pipeline.resources import MB
from sjft.pipeline.submissions import cost_on_cluster, grouping_of_profile
from sjft.pipeline.training_cost import RULES_OF_TRAINING, TrainingCost
from sjft.settings.splits import VALIDATION_SPLIT
from sjft.training.best import validations
from sjft.wording import counted

START = """
import time
from sjft.loading import loading

with loading():
    import sjft.training.round, sjft.evaluation.accuracy
print(time.process_time())
"""


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
    """All ``jobs`` behind a model: the ``stages`` beside training, and the ``cost`` of training.

    ``start`` is what each job needs before its work, in seconds; ``cores`` how many there are.
    """

    jobs: Jobs
    stages: Sequence[Stage]
    cost: TrainingCost
    start: float
    cores: int

    @cached_property
    def trainings(self) -> Jobs:
        """The jobs of training and scoring, each with those of them that it waits for."""
        return among(self.jobs, RULES_OF_TRAINING)

    @property
    def others(self) -> int:
        """The number of jobs that have no row of their own: what takes as long as the network."""
        return len(self.jobs) - len(self.trainings) - sum(stage.jobs for stage in self.stages)

    def rows(self) -> list[Stage]:
        """All stages, and a last row for downloads and the start of all jobs."""
        order = list(MEASURED | NOT_MEASURED)
        rows = [*self.stages, *self._rows_of_training()]
        rows.sort(key=lambda stage: order.index(stage.rule))
        starts = len(self.jobs) * self.start
        mb = MB["fetch_weights"] if self.others else 0
        return [*rows, Stage("downloads; all starts", self.others, 0.0, starts, mb)]

    def _rows_of_training(self) -> Iterator[Stage]:
        for rule in RULES_OF_TRAINING:
            jobs = [job for job in self.trainings if job.rule == rule]
            if jobs:
                prices = [self.cost.price(job) for job in jobs]
                disk, seconds = sum(p.disk for p in prices), sum(p.seconds for p in prices)
                yield Stage(rule, len(jobs), disk, seconds, max(p.memory for p in prices))

    @property
    def seconds_beside_training(self) -> float:
        """By the clock, where nothing else runs; with the start of the jobs."""
        starts = (len(self.jobs) - len(self.trainings)) * self.start
        work = sum(stage.seconds / min(self.cores, stage.jobs) for stage in self.stages)
        return work + starts / self.cores

    @property
    def seconds_of_training(self) -> float:
        """By the clock, from the first round's start to the last evaluation's end."""
        return elapsed(
            self.trainings, lambda job: self.cost.demand(job, self.cores, self.start), self.cores
        )

    @property
    def seconds(self) -> float:
        """By the clock, of everything."""
        return self.seconds_beside_training + self.seconds_of_training

    def of_jobs(self) -> dict[Job, Demand]:
        """What each job takes by the clock, where nothing else runs."""
        a_job = {stage.rule: stage.seconds / stage.jobs for stage in self.stages if stage.jobs}
        demands = {job: Demand(self.start + a_job.get(job.rule, 0), 1, False) for job in self.jobs}
        of_training = {j: self.cost.demand(j, self.cores, self.start) for j in self.trainings}
        return demands | of_training

    def text(self) -> str:
        """What is trained, how long all takes, and what to lower where that is days."""
        cluster = cost_on_cluster(self.jobs, grouping_of_profile())
        lines = [self._trained(), self._machine(), cluster]
        if self.seconds > DAY:
            lines += [f"This is long. What makes it shorter:{''.join(self._advice())}"]
        return "\n".join(lines)

    def _trained(self) -> str:
        experiment, training = self.cost.experiment, self.cost.experiment.training
        rounds = [job.names for job in self.trainings if job.rule == "finetune"]
        evaluated = [job.names for job in self.trainings if job.rule == "evaluate"]
        whole = {(names["arm"], names["seed"]) for names in evaluated}
        begun = dict.fromkeys((names["arm"], names["seed"]) for names in rounds)
        parts = [run for run in begun if run not in whole]
        arms = ", ".join(f"`{arm}`" for arm in dict.fromkeys(arm for arm, _ in parts))
        more = f" and parts of {len(parts)} more ({arms})" if parts else ""
        alone = [
            arm for arm in dict.fromkeys(names["arm"] for names in rounds) if self.cost.alone(arm)
        ]
        number = training.sources * training.accumulate
        many = f"{number} source" if training.source_batch else "as many source"
        without = f" ({', '.join(f'`{arm}`' for arm in alone)}: none)" if alone else ""
        return (
            f"Training: {counted(experiment.rounds, 'round')} of "
            f"{counted(training.updates, 'update')} of "
            f"{training.target_batch * training.accumulate} target images and {many} "
            f"images{without}, in {len(whole)} run{'s' if len(whole) > 1 else ''}{more}: "
            f"{len(rounds)} round{'s' if len(rounds) > 1 else ''} in all.{self._looked_at()}"
        )

    def _looked_at(self) -> str:
        times = validations(self.cost.experiment.training)
        if not times:
            return ""
        many = f"{counted(self.cost.validated, 'image')} of `{VALIDATION_SPLIT}`"
        are = "is" if self.cost.validated == 1 else "are"
        often = "once" if times == 1 else f"{times} times"
        return f" In each round {many} {are} looked at {often}, for the best weights."

    def _machine(self) -> str:
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        total, training = in_words(self.seconds), in_words(self.seconds_of_training)
        where = cores if self.cost.device == "cpu" else f"{cores} and a GPU"
        return (
            f"On this machine's {where} all of it takes about {total}, {training} of them for "
            "training, where nothing else runs."
        )

    def _advice(self) -> Iterator[str]:
        experiment, training = self.cost.experiment, self.cost.experiment.training
        if self.cost.device == "cpu":
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
            if experiment.publish.compare:
                arms = ", ".join(experiment.publish.compare)
                yield f"\n  - publish.compare ({arms}) and seeds: each arm and seed is a run"
        else:
            yield "\n  - more cores: the stages before training are many jobs"
            yield "\n  - a smaller `crop` of the bank, or a part of the source"
        yield "\n  - `sjft init TARGET SOURCE --minutes N` writes a configuration of that length"
