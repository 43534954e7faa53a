# What a terminal shows: of each job in few words (`sjft.pipeline.terminal`), of the run how far it
# is (`sjft.pipeline.run_progress`), and at its end what came of it (`sjft.pipeline.run_end`).

import logging
import sys
from functools import cache
from threading import Event, Thread

from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from sjft.pipeline import older_runs
from sjft.pipeline.expected_time import read_expected_times
from sjft.pipeline.run_end import (
    Failure,
    command_again,
    end_of_failed_run,
    end_of_run,
)
from sjft.pipeline.run_progress import RunJob, RunProgress, tell
from sjft.pipeline.terminal import (
    CANCEL_FIRST,
    missing_experiment,
    shorter,
    with_settings,
)


class FewerWords(logging.Filter):
    """Rewrites what Snakemake logs, whoever shows it: terminal, log file or plugin."""

    def __init__(self):
        super().__init__("sjft")
        self.jobs = {}

    def filter(self, record):
        event = getattr(record, "event", None)
        if event == LogEvent.SHELLCMD:  # that of a script is None
            return record.shellcmd is not None
        if event == LogEvent.JOB_INFO:
            record.reason = self.reason(record)
        elif event == LogEvent.JOB_ERROR and record.rule_msg is None:
            job = self.job(record.jobid)  # what it was doing
            record.rule_msg = (job and job.message) or f"{record.rule_name} failed"
        elif getattr(record, "exception", None) == "LockException":
            on_cluster = workflow.resource_settings.nodes is not None
            unlock = command_again(sys.argv[1:], unlock=True)
            left = older_runs.queued_in(Path.cwd()) if on_cluster else []
            told = older_runs.refusal(left) if left else CANCEL_FIRST
            record.msg += f"\n{told}" if on_cluster else ""
            record.msg += f"\nThe command, and then the same one again: {unlock}"
        elif event == LogEvent.ERROR and IS_MAIN:
            record.msg += missing_experiment(record.msg, CONFIG)
        return True

    def reason(self, record):
        job = self.job(record.jobid)
        change = job and workflow.dag.reason(job).params_changed
        text = shorter(record.reason)
        if not change:
            return text
        new, old = change.only_new, change.only_old
        return with_settings(text, str(change), dict(job.params.items()), new, old)

    def job(self, number):
        if number not in self.jobs:
            self.jobs = {workflow.dag.jobid(job): job for job in workflow.dag.jobs}
        return self.jobs.get(number)


logger.filters[:] = [
    known for known in logger.filters if getattr(known, "name", "") != "sjft"
]
logger.addFilter(FewerWords())


class WatchedRun(logging.Handler):
    """Follows a run by what Snakemake logs of its jobs, and has a line told every minute."""

    def begin(self):
        jobs = set(workflow.dag.needrun_jobs(exclude_finished=False))
        numbers = {job: workflow.dag.jobid(job) for job in jobs}
        known = {
            number: RunJob(
                layout.Job(job.rule.name, tuple(sorted(job.wildcards_dict.items()))),
                job.threads if isinstance(job.threads, int) else 1,
                Path(job.log[0]) if job.log else None,
                [numbers[b] for b in workflow.dag.dependencies[job] if b in jobs],
            )
            for job, number in numbers.items()
        }
        settings = workflow.resource_settings
        slots = settings.cores if workflow.local_exec else settings.nodes
        expected = cache(read_expected_times().seconds)
        self.progress = RunProgress(known, max(1, slots or 1), expected)
        self.failures = {}
        self.over = Event()
        logger.addHandler(self)
        told = (self.progress, self.say, self.over.wait)
        Thread(target=tell, args=told, daemon=True).start()

    def say(self, words):
        logger.info(words, extra={"quietness": Quietness.PROGRESS})

    def emit(self, record):
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            self.failures.pop(record.jobid, None)  # another attempt
            self.progress.started(record.jobid)
        elif event == LogEvent.JOB_FINISHED:
            self.progress.finished(record.job_id)
        elif event == LogEvent.JOB_ERROR:
            logs = list(map(Path, record.log))
            self.failures[record.jobid] = Failure(
                record.rule_name, record.rule_msg, logs
            )
            self.progress.failed(record.jobid)

    def stop(self):
        logger.removeHandler(self)
        self.over.set()


def snakefile_elsewhere():
    """The Snakefile that was named, where it is not the folder's own."""
    is_here = Path(workflow.main_snakefile).resolve().parent == Path.cwd()
    return None if is_here else str(workflow.main_snakefile)


WATCHED = WatchedRun()


onstart:
    if workflow.is_main_process:
        WATCHED.begin()


onsuccess:
    if workflow.is_main_process:
        WATCHED.stop()
        jobs = [known.job for known in WATCHED.progress.jobs.values()]
        files = list(map(str, COMMAND_LINE.configfiles))
        if told := end_of_run(jobs, files, snakefile_elsewhere()):
            logger.info(f"\n{told}\n")


onerror:
    if workflow.is_main_process:
        WATCHED.stop()
        progress, failures = WATCHED.progress, list(WATCHED.failures.values())
        done = sum(map(workflow.dag.finished, workflow.dag.needrun_jobs(False)))
        logger.error(
            f"\n{end_of_failed_run(failures, done, len(progress.jobs), sys.argv[1:])}\n"
        )
