"""Why jobs that were sent together failed, as the cluster tells it.

Of a job that failed Snakemake logs what the executor says of it. Of a group of jobs it logs which
these were, and drops the reason (Snakemake 9.27): that Slurm refused them, or that they were over
their memory.
"""

import logging
from collections.abc import Sequence
from functools import wraps
from typing import Any

# What a record holds beside its words: the numbers of the jobs that they are said of.
SAID_OF = "said_of"


def log_why_groups_fail(group_job: type[Any], logger: logging.Logger) -> None:
    """Let ``group_job``, Snakemake's class of that name, once, log what is said of a failure too.

    The record comes after those of the jobs, and holds their numbers in `SAID_OF`.
    """
    log_error = group_job.log_error
    if hasattr(log_error, "__wrapped__"):
        return

    @wraps(log_error)
    def with_reason(
        self: Any, msg: str | None = None, aux_logs: Sequence[str] | None = None, **more: Any
    ) -> None:
        log_error(self, msg, aux_logs, **more)
        if msg:
            numbers = [job.dag.jobid(job) for job in self.jobs]
            logger.error(msg, extra={SAID_OF: numbers})

    group_job.log_error = with_reason
