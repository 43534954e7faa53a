"""A run is followed by the records of its log, as Snakemake's own events name them."""

import logging
from pathlib import Path

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from sjft.layout import Job
from sjft.pipeline.failed_run import Failure
from sjft.pipeline.group_errors import SAID_OF
from sjft.pipeline.run_progress import RunJob
from sjft.pipeline.watched_run import BEGUN, ENDED, FAILED, WatchedRun


def told(watched: WatchedRun, event: LogEvent | None, **more: object) -> None:
    record = logging.makeLogRecord({"event": event, **more} if event else more)
    watched.handle(record)


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WatchedRun:
    monkeypatch.chdir(tmp_path)
    listing = Job("list_images", (("dataset", "pets"),))
    scoring = Job("evaluate", (("arm", "selective"), ("experiment", "pets"), ("seed", "0")))
    return WatchedRun(
        {n: RunJob(job, 1, None, ()) for n, job in enumerate((listing, scoring))}, None
    )


def test_the_events_are_named_as_snakemake_names_them() -> None:
    assert (
        LogEvent.JOB_INFO.value,
        LogEvent.JOB_FINISHED.value,
        LogEvent.JOB_ERROR.value,
    ) == (BEGUN, ENDED, FAILED)


def test_jobs_begin_and_end(watched: WatchedRun) -> None:
    told(watched, None)  # a line of text
    told(watched, LogEvent.JOB_INFO, jobid=0)
    assert "list_images 0 of 1" in watched.progress.line()
    told(watched, LogEvent.JOB_FINISHED, job_id=0)
    assert "whole run 1 of 2 jobs" in watched.progress.line()


def test_a_failure_is_kept_until_another_attempt_begins(watched: WatchedRun) -> None:
    told(watched, LogEvent.JOB_INFO, jobid=1)
    failed = {"rule_name": "evaluate", "rule_msg": "Evaluating", "log": ["a.log"]}
    told(watched, LogEvent.JOB_ERROR, jobid=1, **failed)
    assert watched.failures == {1: Failure("evaluate", "Evaluating", [Path("a.log")])}
    told(watched, LogEvent.JOB_INFO, jobid=1)
    assert watched.failures == {}


def test_what_a_cluster_says_is_kept_with_the_failure(watched: WatchedRun) -> None:
    failed = {"rule_name": "evaluate", "log": []}
    said = {"rule_msg": "TIMEOUT", "said": "TIMEOUT", "doing": "Evaluating"}
    told(watched, LogEvent.JOB_ERROR, jobid=1, **failed, **said)
    assert watched.failures == {1: Failure("evaluate", "Evaluating", [], "TIMEOUT")}
    # Of a group it comes after all of its jobs; one may have ended well before.
    told(watched, LogEvent.JOB_ERROR, jobid=1, **failed, rule_msg="Evaluating")
    told(watched, None, msg="refused", **{SAID_OF: [0, 1]})
    assert watched.failures == {1: Failure("evaluate", "Evaluating", [], "refused")}


def test_it_speaks_until_the_run_is_over(
    watched: WatchedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sjft.pipeline.run_progress.SECONDS_BETWEEN_LINES", 0.001)
    said: list[str] = []

    def say(words: str) -> None:
        said.append(words)
        watched.end()

    watched.begin(say)
    assert watched._over.wait(30)
    assert said[0].startswith("Progress: ")
