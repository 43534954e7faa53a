"""The line that a run says every minute: what runs, how far, and how long all will take."""

import itertools
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from sjft.layout import Job
from sjft.pipeline.run_progress import RunJob, RunProgress, tell


class Clock:
    """Seconds that pass where the test says so."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def run_of(logs: Path, clock: Clock, expected: Mapping[str, float], slots: int = 1) -> RunProgress:
    """Four shards of a source and then two trainings, which wait for all of them."""
    jobs = {
        number: RunJob(
            Job("extract_descriptors", (("bank", "b"), ("dataset", "s"), ("shard", f"{number}"))),
            1,
            logs / f"{number}.log",
            [],
        )
        for number in range(4)
    }
    for number, arm in ((4, "selective"), (5, "fine-tune")):
        job = Job("finetune", (("arm", arm), ("round", "0")))
        jobs[number] = RunJob(job, 2, None, [0, 1, 2, 3])
    return RunProgress(jobs, slots, lambda job: expected.get(job.rule), clock)


def test_no_two_minutes_pass_in_silence_whatever_the_jobs_do(tmp_path: Path) -> None:
    clock, said = Clock(), list[tuple[float, str]]()
    run = run_of(tmp_path, clock, {})
    run.started(0)  # and it never writes a line

    def wait(seconds: float) -> bool:
        clock.now += seconds
        return clock.now >= 1000 + 3600

    tell(run, lambda words: said.append((clock.now, words)), wait)
    times = [1000.0, *(time for time, _ in said)]
    assert len(said) == 59
    assert {later - sooner for sooner, later in itertools.pairwise(times)} == {60.0}
    assert said[0][1] == (
        "Progress: extract_descriptors 0 of 4, running for 60 seconds; whole run 0 of 6 jobs, "
        "time left unknown (not timed yet: extract_descriptors, finetune)."
    )
    assert "running for 58 minutes" in said[-2][1]


def test_what_a_run_has_timed_tells_how_long_the_rest_takes(tmp_path: Path) -> None:
    clock = Clock()
    run = run_of(tmp_path, clock, {})
    run.started(0)
    clock.now += 100
    run.finished(0)
    run.started(1)
    clock.now += 40
    assert run.line() == (  # 60 s of this one, and twice 100
        "extract_descriptors 1 of 4, about 4.3 minutes; whole run 1 of 6 jobs, at least 4.3 "
        "minutes left (not timed yet: finetune)."
    )
    run.failed(1)
    run.started(1)  # another attempt
    clock.now += 300
    assert "about 3.3 minutes" in run.line()  # one that is late takes no less than nothing


@pytest.mark.parametrize(
    ("slots", "words"),
    [
        (1, "about 9.7 minutes left"),  # 4 of 20 s, and two trainings of 250 s
        (2, "about 9.0 minutes left"),  # two shards beside each other; trainings take both cores
        (4, "about 4.5 minutes left"),
        (99, "about 4.5 minutes left"),  # a shard and a training behind each other
    ],
)
def test_the_whole_run_is_told_from_what_is_expected(
    tmp_path: Path, slots: int, words: str
) -> None:
    run = run_of(tmp_path, Clock(), {"extract_descriptors": 20.0, "finetune": 250.0}, slots)
    run.started(0)
    assert words in run.line()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (150.0, "about 2.5 minutes left"),  # of 100 s one and a half times: so will the other
        (40.0, "about 1.7 minutes left"),  # it went on where it had been interrupted
    ],
)
def test_what_is_late_makes_what_is_expected_of_others_late(
    tmp_path: Path, seconds: float, words: str
) -> None:
    clock = Clock()
    run = run_of(tmp_path, clock, {"extract_descriptors": 0.0, "finetune": 100.0}, slots=2)
    for number in range(4):
        run.started(number)
        run.finished(number)
    run.started(4)
    clock.now += seconds
    run.finished(4)
    assert words in run.line()


def test_a_job_that_has_ended_is_held_against_what_was_told_before_it(tmp_path: Path) -> None:
    clock, on_file = Clock(), {"selective": 100.0, "fine-tune": 100.0}
    jobs = {
        number: RunJob(Job("finetune", (("arm", arm),)), 1, None, [])
        for number, arm in enumerate(on_file)
    }
    run = RunProgress(jobs, 1, lambda job: on_file[job.names["arm"]], clock)
    run.started(0)
    clock.now += 300
    on_file["selective"] = 300.0  # its benchmark, which is newer than the forecast
    run.finished(0)
    assert "about 5.0 minutes left" in run.line()


def test_a_running_job_that_will_be_late_tells_of_the_others_as_well(tmp_path: Path) -> None:
    clock = Clock()
    jobs = {
        number: RunJob(Job("finetune", (("arm", arm),)), 1, tmp_path / f"{number}.log", [])
        for number, arm in enumerate(("selective", "fine-tune"))
    }
    run = RunProgress(jobs, 1, lambda _: 100.0, clock)
    run.started(0)
    clock.now += 60
    line = "2026-01-01 10:00:00,000 INFO training: 20 of 100 updates, 0.3 a second, 240 s left\n"
    (tmp_path / "0.log").write_text(line)
    assert "about 9.0 minutes left" in run.line()  # 240 s, and another 60 + 240


def test_how_far_a_job_is_stands_in_its_log(tmp_path: Path) -> None:
    clock = Clock()
    run = run_of(tmp_path, clock, {"finetune": 60.0})
    log = tmp_path / "0.log"
    old = "2026-01-01 10:00:00,000 INFO extraction: 90 of 100 images, 1.0 a second, 10 s left\n"
    log.write_text(old)
    os.utime(log, (1, 1))
    run.started(0)
    assert "images" not in run.line()  # an earlier run's
    log.write_text(old.replace("90 of", "40 of").replace("10 s", "180 s"))
    assert run.line() == (  # 180 s of this one, and twice 60 s on two threads of one core
        "extract_descriptors 0 of 4 (extraction: 40 of 100 images), running for 2 seconds; whole "
        "run 0 of 6 jobs, at least 5.0 minutes left (not timed yet: extract_descriptors)."
    )


def test_a_job_that_says_nothing_for_ten_minutes_is_named(tmp_path: Path) -> None:
    clock = Clock()
    run = run_of(tmp_path, clock, {})
    logs = [tmp_path / f"{number}.log" for number in range(2)]
    for number, log in enumerate(logs):
        run.started(number)
        log.write_text("2026-01-01 10:00:00,000 INFO extraction: 40 of 100 images, 1.0 a second\n")
    said = []
    for minute in range(13):
        logs[1].write_text(f"{minute}" * (minute + 1))
        said.append(run.line())
        clock.now += 60
    assert not any("hang" in line for line in said[:10])
    assert f"; nothing new in {logs[0]} for 10 minutes, its job may hang; whole run" in said[10]
    assert f"nothing new in {logs[0]} for 12 minutes" in said[12]
    assert str(logs[1]) not in said[12]
    run.failed(0)  # it was killed, and starts again with a log that is an earlier attempt's
    run.started(0)
    clock.now += 900
    logs[1].write_text("more")
    assert "hang" not in run.line()


def test_of_many_rules_at_a_time_the_first_are_named(tmp_path: Path) -> None:
    names = ("a", "b", "c", "d", "e")
    jobs = {n: RunJob(Job(rule, ()), 1, None, []) for n, rule in enumerate(names)}
    run = RunProgress(jobs, 5, lambda _: 30.0, Clock())
    for number in jobs:
        run.started(number)
    assert run.line() == (
        "a 0 of 1, about 30 seconds; b 0 of 1, about 30 seconds; c 0 of 1, about 30 seconds; "
        "2 more rules; whole run 0 of 5 jobs, about 30 seconds left."
    )
    for number in jobs:
        run.finished(number)
    assert run.line() == "whole run 5 of 5 jobs, about 2 seconds left."
