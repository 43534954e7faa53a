"""How long a run's jobs are expected to take: as forecast for this machine, or as they took before.

`sjft init` and `sjft plan` measure, and keep their forecast on file for the run's progress.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.errors import UserError
from sjft.layout import FORECASTS, Job
from sjft.pipeline.costs import measured
from sjft.pipeline.elapsed import Demand
from sjft.storage.files import read_json, write_json


def keep_forecast(
    experiment: str, demands: Mapping[Job, Demand], folder: Path = Path()
) -> Path | None:
    """Write down how many seconds each job of an experiment takes by the clock; returns the file.

    ``folder`` is the one that results/ lies in. Nothing is kept without results/, for no run goes
    on there, and where nothing can be written: nothing follows from it but words on the terminal.
    """
    path = folder / FORECASTS / f"{experiment}.json"
    if not path.parents[2].is_dir():
        return None
    jobs = [[j.rule, j.names, round(demand.seconds, 3)] for j, demand in sorted(demands.items())]
    try:
        write_json(path, {"experiment": experiment, "jobs": jobs})
    except (UserError, OSError):  # another user's results, a full or read-only disk
        return None
    return path


@dataclass(frozen=True)
class ExpectedTimes:
    """Forecasts on file: of each job its seconds, and when they were written.

    ``folder`` is the one that results/ lies in.
    """

    forecasts: Mapping[Job, tuple[float, float]]
    folder: Path

    def seconds(self, job: Job) -> float | None:
        """By the clock: of the job's benchmark or its forecast, the one that was written later.

        None where neither is on file.
        """
        forecast, written = self.forecasts.get(job, (None, 0.0))
        benchmark = self.folder / job.benchmark if job.benchmark is not None else None
        if benchmark is None or not benchmark.is_file() or benchmark.stat().st_mtime < written:
            return forecast
        found = measured(benchmark)
        return forecast if found is None else found[0]


def read_expected_times(folder: Path = Path()) -> ExpectedTimes:
    """What is on file below a folder.

    A forecast that cannot be read counts as none, for nothing follows from it but words on the
    terminal.
    """
    forecasts: dict[Job, tuple[float, float]] = {}
    for path in sorted(folder.glob(f"{FORECASTS}/*.json")):
        try:
            rows: list[Any] = read_json(path)["jobs"]
            found = {_job(rule, names): float(seconds) for rule, names, seconds in rows}
        except (UserError, KeyError, TypeError, ValueError, AttributeError):
            continue
        written = path.stat().st_mtime
        older = {job for job in found if forecasts.get(job, (0.0, 0.0))[1] > written}
        forecasts |= {j: (s, written) for j, s in found.items() if j not in older}
    return ExpectedTimes(forecasts, folder)


def _job(rule: str, names: Mapping[str, str]) -> Job:
    return Job(rule, tuple(sorted(names.items())))
