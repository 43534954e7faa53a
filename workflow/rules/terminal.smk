# What a terminal shows of each job: see `sjft.pipeline.terminal`.

import logging

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

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
            record.msg += CANCEL_FIRST if on_cluster else ""
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
