"""What the jobs behind a model have cost, for the report's page."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from sjft import layout
from sjft.layout import Job
from sjft.pipeline.costs import costs_of
from sjft.pipeline.job_cost import JobCost, read_job_cost
from sjft.pipeline.jobs import jobs_of_model
from sjft.reports.report_page.inputs import RuleCost
from sjft.settings.config import Configuration


def measured_jobs(c: Configuration, experiment: str) -> list[tuple[str, dict[str, str]]]:
    """Rule and wildcards of all jobs behind the model that are measured, as plain values."""
    jobs = jobs_of_model(c, experiment)
    return [(job.rule, job.names) for job in jobs if job.rule in layout.MEASURED]


def costs_of_report(told: Iterable[Sequence[Any]]) -> list[RuleCost]:
    """The costs of jobs as `measured_jobs` tells them; of memory, the job nearest to its limit."""
    jobs = [Job(rule, tuple(sorted(names.items()))) for rule, names in told]
    nearest: dict[str, JobCost] = {}
    for job in jobs:
        log = Path(job.log)
        cost = read_job_cost(log) if log.is_file() else None
        if cost and cost.peak / cost.declared >= _share(nearest.get(job.rule)):
            nearest[job.rule] = cost
    return [
        RuleCost(
            cost.rule,
            cost.jobs,
            cost.not_measured,
            cost.seconds,
            nearest[cost.rule].peak if cost.rule in nearest else None,
            nearest[cost.rule].declared if cost.rule in nearest else None,
        )
        for cost in costs_of(jobs)
    ]


def _share(cost: JobCost | None) -> float:
    return cost.peak / cost.declared if cost else 0.0
