# What a terminal shows: of each job in few words (`sjft.pipeline.terminal`), of the run how far it
# is (`sjft.pipeline.run_progress`), and at its end what came of it (`sjft.pipeline.run_end`) or what
# failed (`sjft.pipeline.failed_run`).

import logging
import sys

from snakemake.logging import logger
from snakemake.settings.enums import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

from sjft.checks.folders import require_writable
from sjft.pipeline.failed_run import end_of_failed_run
from sjft.pipeline.run_progress import RunJob
from sjft.pipeline.terminal import (
    MAKE_WRITABLE,
    about_lock,
    jobs_without_record,
    missing_experiment,
    shorter,
    with_missing_record,
    with_settings,
    without_record,
)
from sjft.pipeline.watched_run import WatchedRun

# The run, once it has begun.
WATCHED = []


class FewerWords(logging.Filter):
    """Rewrites what Snakemake logs, whoever shows it: terminal, log file or plugin."""

    def __init__(self):
        super().__init__("sjft")
        self.jobs = {}

    def filter(self, record):
        event = getattr(record, "event", None)
        exception = getattr(record, "exception", None)
        if event == LogEvent.SHELLCMD:  # that of a script is None
            return record.shellcmd is not None
        if event == LogEvent.JOB_INFO:
            record.reason = self.reason(record)
        elif event == LogEvent.JOB_ERROR:
            job = self.job(record.jobid)
            record.doing = (job and job.message) or f"{record.rule_name} failed"
            record.said = record.rule_msg  # by a cluster
            record.rule_msg = record.said or record.doing
        elif exception == "LockException":
            on_cluster = workflow.resource_settings.nodes is not None
            record.msg += f"\n{about_lock(sys.argv[1:], on_cluster)}"
        elif exception == "ProtectedOutputException":
            record.msg += f"\n{MAKE_WRITABLE}"
        elif event == LogEvent.ERROR and IS_MAIN:
            record.msg += missing_experiment(record.msg, CONFIG)
        elif event is None:
            record.msg = with_missing_record(record.msg, workflow)
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


def jobs_of_run():
    """All that this run will do, each job by its number, with the numbers of what it waits for."""
    jobs = set(workflow.dag.needrun_jobs(exclude_finished=False))
    numbers = {job: workflow.dag.jobid(job) for job in jobs}
    return {
        number: RunJob(
            layout.Job(job.rule.name, tuple(sorted(job.wildcards_dict.items()))),
            job.threads if isinstance(job.threads, int) else 1,
            Path(job.log[0]) if job.log else None,
            [numbers[b] for b in workflow.dag.dependencies[job] if b in jobs],
        )
        for job, number in numbers.items()
    }


def say(words):
    logger.info(words, extra={"quietness": Quietness.PROGRESS})


onstart:
    if workflow.is_main_process:
        try:
            require_writable(
                Path(file)
                for job in workflow.dag.needrun_jobs()
                for file in (*job.output, *job.log, *filter(None, [job.benchmark]))
            )
        except UserError as error:
            sys.exit(str(error))
        limited = workflow.resource_settings
        slots = limited.cores if workflow.local_exec else limited.nodes
        watched = WatchedRun(jobs_of_run(), slots)
        WATCHED.append(watched)
        logger.addHandler(watched)
        if jobs := jobs_without_record(workflow.dag):
            say(without_record(jobs))
        watched.begin(say)


onsuccess:
    for watched in WATCHED:
        # It brings scipy.stats with it, and each job that is started reads these rules.
        from sjft.pipeline.run_end import end_of_run
        from sjft.reports.conclusion import Command

        logger.removeHandler(watched)
        watched.end()
        jobs = [known.job for known in watched.progress.jobs.values()]
        files = list(map(str, COMMAND_LINE.configfiles))
        # The Snakefile that was named, where it is not the folder's own.
        is_here = Path(workflow.main_snakefile).resolve().parent == Path.cwd()
        snakefile = None if is_here else str(workflow.main_snakefile)
        command = Command(files, COMMAND_LINE.config, snakefile)
        learned = runs.learned_before(CONFIG, BEFORE.asked)
        if told := end_of_run(jobs, command, learned):
            logger.info(f"\n{told}\n")


onerror:
    for watched in WATCHED:
        logger.removeHandler(watched)
        watched.end()
        failures = list(watched.failures.values())
        done = sum(map(workflow.dag.finished, workflow.dag.needrun_jobs(False)))
        of_all = len(watched.progress.jobs)
        logger.error(
            f"\n{end_of_failed_run(failures, done, of_all, sys.argv[1:])}\n"
        )
