"""Of a group of jobs that failed, the reason is logged too."""

import inspect
import logging
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.jobs import GroupJob

from sjft.pipeline.group_errors import SAID_OF, log_why_groups_fail


class Group:
    """As Snakemake's: what is said of it is in no record."""

    def __init__(self) -> None:
        of_job = {"a": 3, "b": 5}
        dag = SimpleNamespace(jobid=lambda job: of_job[job.name])
        self.jobs = [SimpleNamespace(name=name, dag=dag) for name in of_job]
        self.logged: list[Any] = []

    def log_error(self, msg: str | None = None, aux_logs: object = None, **more: Any) -> None:
        self.logged.append((msg, aux_logs, more))


def test_the_reason_follows_with_the_numbers_of_the_jobs(caplog: pytest.LogCaptureFixture) -> None:
    class Once(Group):
        pass

    for _ in range(2):  # rules are read again in one process
        log_why_groups_fail(Once, logging.getLogger("test"))
    group = Once()
    group.log_error("refused", aux_logs=["7.log"], also=1)
    group.log_error()
    assert group.logged == [("refused", ["7.log"], {"also": 1}), (None, None, {})]
    (record,) = caplog.records
    assert record.getMessage() == "refused" and vars(record)[SAID_OF] == [3, 5]


def test_snakemakes_own_class_drops_it() -> None:
    """Should a later Snakemake log it, this is to be taken out."""
    log_error = getattr(GroupJob.log_error, "__wrapped__", GroupJob.log_error)
    lines = inspect.getsource(log_error).splitlines()
    assert [line for line in lines if "msg" in line] == [lines[0]]
