"""A run as its log tells of it: which jobs begin, end and fail, with a line every minute.

Snakemake's records name what has happened in `event`, by these words, whoever shows them.
"""

import logging
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from threading import Event, Thread

from sjft.pipeline.expected_time import read_expected_times
from sjft.pipeline.failed_run import Failure
from sjft.pipeline.group_errors import SAID_OF
from sjft.pipeline.run_progress import RunJob, RunProgress, tell

BEGUN, ENDED, FAILED = "job_info", "job_finished", "job_error"


class WatchedRun(logging.Handler):
    """Follows a run of ``jobs``, each by its number, in ``slots`` at a time.

    ``failures`` are of the jobs whose last attempt failed.
    """

    def __init__(self, jobs: Mapping[int, RunJob], slots: int | None) -> None:
        """Expect each job to take what is on file of it in this folder."""
        super().__init__()
        expected = cache(read_expected_times().seconds)
        self.progress = RunProgress(jobs, max(1, slots or 1), expected)
        self.failures: dict[int, Failure] = {}
        self._over = Event()

    def begin(self, say: Callable[[str], object]) -> None:
        """Have a line said every minute."""
        told = (self.progress, say, self._over.wait)
        Thread(target=tell, args=told, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a record that tells of a job."""
        told = vars(record)
        event = getattr(told.get("event"), "value", None)
        if event == BEGUN:
            self.failures.pop(told["jobid"], None)  # another attempt
            self.progress.started(told["jobid"])
        elif event == ENDED:
            self.progress.finished(told["job_id"])
        elif event == FAILED:
            logs = [Path(file) for file in told["log"]]
            doing, said = told.get("doing", told["rule_msg"]), told.get("said")
            self.failures[told["jobid"]] = Failure(told["rule_name"], doing, logs, said)
            self.progress.failed(told["jobid"])
        for number in told.get(SAID_OF, ()):
            if number in self.failures:
                said = record.getMessage()
                self.failures[number] = self.failures[number]._replace(said=said)

    def end(self) -> None:
        """The run is over: nothing more is said."""
        self._over.set()
