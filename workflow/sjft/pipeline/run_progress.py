"""Progress of a whole run, told from outside its jobs: also on a terminal that is no tty.

Every minute one line says what runs, how far it is, and how long the whole run will still take.
How far a job is stands in its log, wherever it runs.
"""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import fmean
from threading import Lock

from sjft.layout import Job
from sjft.pipeline.elapsed import Demand, at_least, in_words
from sjft.pipeline.job_log import InJob, how_far
from sjft.pipeline.rerun_reasons import first_names

SECONDS_BETWEEN_LINES = 60.0
# Loops write a line every ten seconds, or after each of their items: a job that says nothing for so
# long may hang.
SECONDS_OF_SILENCE = 600.0
# Jobs that differ in these alone take equally long, or nearly.
LIKE_EACH_OTHER = ("shard", "seed", "round", "part")
RULES_NAMED = 3
# These are over at once, and nobody times them.
SHORT_RULES = ("choose", "summarise", "publish")


@dataclass(frozen=True)
class RunJob:
    """A job of a run: what it is, its threads, its log, and the numbers of those it waits for.

    It waits for jobs of the same run alone: what was there before is no job.
    """

    job: Job
    threads: int
    log: Path | None
    waits: Collection[int]

    @property
    def kind(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """What jobs that take equally long have in common."""
        names = tuple(pair for pair in self.job.values if pair[0] not in LIKE_EACH_OTHER)
        return self.job.rule, names


@dataclass
class RunProgress:
    """What a run's ``jobs`` have done so far, each by its number.

    ``slots`` is how many threads, or on a cluster jobs, can run at a time. ``expected`` tells
    seconds of a job by what is on file, or None. ``clock`` is in seconds.
    """

    jobs: Mapping[int, RunJob]
    slots: int
    expected: Callable[[Job], float | None]
    clock: Callable[[], float] = time.monotonic
    _running: dict[int, float] = field(default_factory=dict)
    _logs: dict[int, object] = field(default_factory=dict)
    # Of running jobs that have begun their log, its state and since when it is that.
    _heard: dict[int, tuple[object, float]] = field(default_factory=dict)
    _took: dict[int, float] = field(default_factory=dict)
    # As it was told when a job began: once it has ended, its own time is what is on file.
    _told: dict[int, float | None] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def started(self, number: int) -> None:
        """A job has begun, or was handed to a cluster."""
        with self._lock:
            self._running[number] = self.clock()
            self._logs[number] = _state(self.jobs[number].log)
            self._told[number] = self.expected(self.jobs[number].job)
            self._heard.pop(number, None)

    def finished(self, number: int) -> None:
        """A job has ended well."""
        with self._lock:
            self._took[number] = self.clock() - self._running.pop(number, self.clock())

    def failed(self, number: int) -> None:
        """A job has ended badly; it may start again."""
        with self._lock:
            self._running.pop(number, None)

    def line(self) -> str:
        """What runs, how far, and how long it and the whole run will still take."""
        now = self.clock()
        with self._lock:
            spent = {number: now - since for number, since in self._running.items()}
            took = dict(self._took)
        inside = {number: self._inside(number) for number in spent}
        silent = {number: self._silent(number, now) for number in spent}
        left, unknown = self._left(spent, took, inside)
        return _Moment(self, spent, took, inside, silent, left, unknown).line()

    @cached_property
    def waits(self) -> dict[int, Collection[int]]:
        """The jobs that each one waits for."""
        return {number: job.waits for number, job in self.jobs.items()}

    @cached_property
    def order(self) -> list[int]:
        """The jobs, each behind those that it waits for."""
        return list(TopologicalSorter(self.waits).static_order())

    def _inside(self, number: int) -> InJob | None:
        log = self.jobs[number].log
        if log is None or _state(log) == self._logs.get(number):
            return None  # as an earlier run left it
        return how_far(log)

    def _silent(self, number: int, now: float) -> float:
        """Seconds in which nothing new stood in a job's log, whenever it was looked at."""
        state = _state(self.jobs[number].log)
        if state is None or state == self._logs.get(number):
            return 0.0
        if self._heard.get(number, (None,))[0] != state:
            self._heard[number] = (state, now)
        return now - self._heard[number][1]

    def _left(
        self,
        spent: Mapping[int, float],
        took: Mapping[int, float],
        inside: Mapping[int, InJob | None],
    ) -> tuple[dict[int, Demand], set[int]]:
        """What is left of each job that has not ended, and those of which nothing is known."""
        by_kind = _means({n: self.jobs[n].kind for n in took}, took)
        by_rule = _means({n: self.jobs[n].job.rule for n in took}, took)
        late = self._late(spent, took, inside)
        left, unknown = {}, set()
        for number, known in self.jobs.items():
            if number in took:
                continue
            rule, loop = known.job.rule, None
            if in_job := inside.get(number):
                loop = in_job.seconds_left
            short = 0.0 if rule in SHORT_RULES else None
            expected = self.expected(known.job)
            on_file = None if expected is None else expected * late.get(rule, 1.0)
            guesses = (by_kind.get(known.kind), on_file, by_rule.get(rule), short)
            whole = next((seconds for seconds in guesses if seconds is not None), None)
            if whole is None and loop is None:
                unknown.add(number)
            else:
                seconds = max((whole or 0.0) - spent.get(number, 0.0), loop or 0.0)
                left[number] = Demand(seconds, known.threads, False)
        return left, unknown

    def _late(
        self,
        spent: Mapping[int, float],
        took: Mapping[int, float],
        inside: Mapping[int, InJob | None],
    ) -> dict[str, float]:
        """By rule, how many times as long as expected its jobs take: 1 at the least.

        A forecast is of a machine that does nothing else. Less than 1 is no better machine but a
        job that went on where it had been interrupted.
        """
        seconds = dict(took)
        for number, found in inside.items():
            if found and found.seconds_left is not None:
                seconds[number] = spent[number] + found.seconds_left
        sums: dict[str, list[float]] = {}
        for number, found_seconds in seconds.items():
            if expected := self._told.get(number):
                of_rule = sums.setdefault(self.jobs[number].job.rule, [0.0, 0.0])
                of_rule[0] += found_seconds
                of_rule[1] += expected
        return {rule: max(1.0, taken / told) for rule, (taken, told) in sums.items()}


@dataclass(frozen=True)
class _Moment:
    """A run at a moment: what its running jobs have ``spent`` and what ended ones ``took``.

    ``inside`` is how far each running job is and ``silent`` for how long it has said nothing,
    ``left`` what jobs that have not ended still take, and ``unknown`` those of which that is not
    known.
    """

    run: RunProgress
    spent: Mapping[int, float]
    took: Mapping[int, float]
    inside: Mapping[int, InJob | None]
    silent: Mapping[int, float]
    left: Mapping[int, Demand]
    unknown: set[int]

    def line(self) -> str:
        rules = list(dict.fromkeys(self.run.jobs[number].job.rule for number in self.spent))
        parts = [self._of_rule(rule) for rule in rules[:RULES_NAMED]]
        if (more := len(rules) - RULES_NAMED) > 0:
            parts.append(f"{more} more rules")
        parts += self._of_silent()
        whole = f"whole run {len(self.took)} of {len(self.run.jobs)} jobs, {self._of_all()}."
        return "; ".join([*parts, whole])

    def _seconds(self, numbers: Collection[int]) -> float:
        """What is left of some of the jobs."""
        left = {number: demand for number, demand in self.left.items() if number in numbers}
        return at_least(self.run.order, self.run.waits, left, self.run.slots)

    def _of_rule(self, rule: str) -> str:
        jobs = {number for number, known in self.run.jobs.items() if known.job.rule == rule}
        running = [number for number in self.spent if number in jobs]
        text = f"{rule} {len(jobs & self.took.keys())} of {len(jobs)}"
        if told := [found.words for number in running if (found := self.inside[number])]:
            text += f" ({told[0]})"
        if jobs.isdisjoint(self.unknown):
            return f"{text}, about {in_words(self._seconds(jobs))}"
        return f"{text}, running for {in_words(max(self.spent[number] for number in running))}"

    def _of_silent(self) -> list[str]:
        """The job that has said nothing for longest, where that is long."""
        number = max(self.silent, key=lambda number: self.silent[number], default=None)
        if number is None or self.silent[number] < SECONDS_OF_SILENCE:
            return []
        log, silence = self.run.jobs[number].log, in_words(self.silent[number])
        return [f"nothing new in {log} for {silence}, its job may hang"]

    def _of_all(self) -> str:
        seconds = self._seconds(self.run.jobs.keys())
        if not self.unknown:
            return f"about {in_words(seconds)} left"
        unknown = [number for number in self.run.order if number in self.unknown]
        rules = first_names(list(dict.fromkeys(self.run.jobs[n].job.rule for n in unknown)))
        known = f"at least {in_words(seconds)} left" if seconds else "time left unknown"
        return f"{known} (not timed yet: {rules})"


def _means(keys: Mapping[int, object], took: Mapping[int, float]) -> dict[object, float]:
    """The mean of what jobs took, for each key."""
    by_key: dict[object, list[float]] = {}
    for number, key in keys.items():
        by_key.setdefault(key, []).append(took[number])
    return {key: fmean(seconds) for key, seconds in by_key.items()}


def _state(log: Path | None) -> object:
    """What tells a log from itself after a line was added."""
    try:
        found = log.stat() if log else None
    except OSError:
        return None
    return (found.st_mtime_ns, found.st_size, found.st_ino) if found else None


def tell(
    progress: RunProgress, say: Callable[[str], object], wait: Callable[[float], bool]
) -> None:
    """Say a line every minute, whatever the jobs do, until ``wait`` says that the run is over.

    ``wait`` takes seconds, as `threading.Event.wait` does.
    """
    while not wait(SECONDS_BETWEEN_LINES):
        say(f"Progress: {progress.line()}")
