"""What the jobs behind a file have cost, as Snakemake measured them."""

import csv
import logging
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sjft.errors import UserError
from sjft.layout import MEASURED, Job
from sjft.pipeline.jobs import jobs_of_model
from sjft.settings.config import Configuration, unknown_experiment
from sjft.storage.markdown import aligned

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class StageCost:
    """Seconds of all ``jobs`` of a rule that were measured, and the largest memory of one.

    A job without a benchmark file (it ran elsewhere, or the file was removed), or with one that
    cannot be read, is among the ``not_measured``.
    """

    rule: str
    jobs: int
    not_measured: int
    seconds: float
    peak_memory_mb: float


def costs_of(jobs: Iterable[Job], folder: Path = Path()) -> list[StageCost]:
    """The costs of these jobs, rule by rule in the data's order.

    ``folder`` is the one that results/ lies in. Snakemake writes the benchmarks, without a digest,
    and nothing but these numbers follows from them. Rules that are not measured are left out.
    """
    by_rule: dict[str, list[tuple[float, float] | None]] = {rule: [] for rule in MEASURED}
    for job in jobs:
        if job.benchmark is not None:
            by_rule[job.rule].append(measured(folder / job.benchmark))
    return [_cost(rule, found) for rule, found in by_rule.items() if found]


def _cost(rule: str, found: list[tuple[float, float] | None]) -> StageCost:
    measured = [figures for figures in found if figures is not None]
    return StageCost(
        rule,
        jobs=len(measured),
        not_measured=len(found) - len(measured),
        seconds=sum(seconds for seconds, _ in measured),
        peak_memory_mb=max((memory for _, memory in measured), default=0.0),
    )


def measured(path: Path) -> tuple[float, float] | None:
    """Seconds and megabytes of a job; None, and a warning where there is a file, if not known."""
    if not path.is_file():
        return None
    with suppress(OSError, ValueError, KeyError, TypeError, csv.Error):  # told below
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", strict=True))
        seconds = [float(row["s"]) for row in rows]
        # Snakemake writes NA for jobs too short to be sampled.
        memory = [float(row["max_rss"]) if row["max_rss"] != "NA" else 0.0 for row in rows]
        if rows and all(0 <= value < math.inf for value in seconds + memory):
            return sum(seconds), max(memory)
    LOG.warning(
        "%s: is no benchmark of Snakemake's, or damaged; its job counts as unmeasured", path
    )
    return None


def cost_of_experiment(c: Configuration, name: str) -> str:
    """What the model of an experiment has cost so far, as a table for the terminal.

    Raises `UserError` for an unknown experiment, and where nothing has been measured.
    """
    if name not in c.experiments:
        raise UserError(unknown_experiment(name, c))
    costs = costs_of(jobs_of_model(c, name))
    if not any(cost.jobs for cost in costs):
        raise UserError(
            f"Nothing of `{name}` has been measured here: results/benchmarks has no file of its "
            "jobs. Call this in the folder that results/ lies in, after a run."
        )
    return cost_table(costs)


def cost_table(costs: Iterable[StageCost]) -> str:
    """Markdown, with a line of totals."""
    stages = list(costs)
    total = StageCost(
        "all",
        jobs=sum(cost.jobs for cost in stages),
        not_measured=sum(cost.not_measured for cost in stages),
        seconds=sum(cost.seconds for cost in stages),
        peak_memory_mb=max(cost.peak_memory_mb for cost in stages),
    )
    head = ["stage", "jobs", "not measured", "seconds", "MB of the largest job"]
    return "\n".join(aligned([head, *map(_row, [*stages, total])]))


def _row(cost: StageCost) -> list[str]:
    seconds, memory = f"{cost.seconds:.1f}", f"{cost.peak_memory_mb:.0f}"
    return [cost.rule, str(cost.jobs), str(cost.not_measured), seconds, memory]
