# What a terminal shows of each job: in fewer words than Snakemake's own, and saying what to do.

import logging

from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from sjft.pipeline.rerun_reasons import changed_settings, first_names
from sjft.settings.config import RESERVED, unknown_experiment

LISTED_FILES = re.compile(
    r"((?:Missing output|Incomplete output|Updated input|Input) files[^:;]*: )(.*?)(?=; [A-Z]|$)"
)
NO_RULE = re.compile(r"No rule to produce results/([^/\s]+)/")


class FewerWords(logging.Filter):
    """Rewrites what Snakemake logs, whoever shows it: terminal, log file or plugin."""

    def __init__(self):
        super().__init__("sjft")
        self.jobs = {}

    def filter(self, record):
        event = getattr(record, "event", None)
        if event == LogEvent.SHELLCMD:
            return (
                record.shellcmd is not None
            )  # that of a script: "Shell command: None"
        if event == LogEvent.JOB_INFO:
            record.reason = self.reason(record)
        elif event == LogEvent.JOB_ERROR and record.rule_msg is None:
            job = self.job(
                record.jobid
            )  # what it was doing, instead of "message: None"
            record.rule_msg = (job and job.message) or f"{record.rule_name} failed"
        elif event == LogEvent.ERROR and (found := NO_RULE.search(record.msg)):
            record.msg += missing_experiment(found[1])
        return True

    def reason(self, record):
        """The reason of a job with the first of its files, and with the settings that changed."""
        text = LISTED_FILES.sub(
            lambda found: found[1] + first_names(found[2].split(", ")), record.reason
        )
        job = self.job(record.jobid)
        change = job and workflow.dag.reason(job).params_changed
        if not change:
            return text
        settings = {
            name: value
            for name, value in job.params.items()
            if repr(value) in change.only_new
        }
        return text.replace(str(change), changed_settings(settings, change.only_old))

    def job(self, number):
        if number not in self.jobs:
            self.jobs = {workflow.dag.jobid(job): job for job in workflow.dag.jobs}
        return self.jobs.get(number)


def missing_experiment(name):
    """What to add where nothing makes the files of an experiment, which may not exist."""
    if not IS_MAIN or name in CONFIG.experiments or name in RESERVED:
        return ""
    return f"\n{unknown_experiment(name, CONFIG)}"


logger.filters[:] = [
    known for known in logger.filters if getattr(known, "name", "") != "sjft"
]
logger.addFilter(FewerWords())
