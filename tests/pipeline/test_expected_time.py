"""What jobs are expected to take: by a forecast that was kept, and by earlier benchmarks."""

import os
from pathlib import Path

from sjft.layout import Job
from sjft.pipeline.elapsed import Demand
from sjft.pipeline.expected_time import keep_forecast, read_expected_times

TRAINING = Job("finetune", (("arm", "a"), ("experiment", "e"), ("round", "0"), ("seed", "0")))
SUMMARY = Job("summarise", (("experiment", "e"),))


def write_benchmark(folder: Path, seconds: float, written: float) -> None:
    path = folder / str(TRAINING.benchmark)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\tmax_rss\n{seconds}\tNA\n")
    os.utime(path, (written, written))


def test_a_forecast_is_kept_where_runs_are_and_read_again(tmp_path: Path) -> None:
    demands = {SUMMARY: Demand(2.5, 1, False), TRAINING: Demand(70.0, 2, False)}
    assert keep_forecast("e", demands, tmp_path) is None
    assert not any(tmp_path.iterdir())
    (tmp_path / "results").mkdir()
    path = keep_forecast("e", demands, tmp_path)
    assert path == tmp_path / "results/benchmarks/forecast/e.json"
    times = read_expected_times(tmp_path)
    assert (times.seconds(TRAINING), times.seconds(SUMMARY)) == (70.0, 2.5)
    assert times.seconds(Job("finetune", (*TRAINING.values[:3], ("seed", "1")))) is None


def test_a_forecast_that_cannot_be_written_is_none_and_the_plan_is_shown(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "benchmarks").touch()  # as a disk that is read-only, also for root
    assert keep_forecast("e", {SUMMARY: Demand(2.5, 1, False)}, tmp_path) is None
    assert read_expected_times(tmp_path).seconds(SUMMARY) is None


def test_of_forecast_and_benchmark_the_later_one_counts(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    write_benchmark(tmp_path, 40, written=1000)
    assert read_expected_times(tmp_path).seconds(TRAINING) == 40
    path = keep_forecast("e", {TRAINING: Demand(70, 2, False)}, tmp_path)
    assert path is not None
    assert read_expected_times(tmp_path).seconds(TRAINING) == 70
    write_benchmark(tmp_path, 50, written=path.stat().st_mtime + 5)
    assert read_expected_times(tmp_path).seconds(TRAINING) == 50
    path.write_text("{}")  # damaged: nothing but words on the terminal follows from it
    assert read_expected_times(tmp_path).seconds(TRAINING) == 50
    (tmp_path / str(TRAINING.benchmark)).write_text("s\n")
    assert read_expected_times(tmp_path).seconds(TRAINING) is None
