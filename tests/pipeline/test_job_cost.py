"""What a job says that it has cost."""

from pathlib import Path

import numpy as np
import pytest

from sjft.pipeline import job_cost
from sjft.pipeline.job_cost import JobCost, peak_megabytes, read_job_cost


def test_a_cost_is_read_as_it_was_written(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    first, last = JobCost(9, 10, 0.5), JobCost(812, 1500, 12.25)
    log.write_text(f"INFO {first.line()}\nINFO something else\nINFO {last.line()}\n")
    assert read_job_cost(log) == last


def test_a_log_without_a_cost_has_none(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    log.write_text("took 5 of\n")
    assert read_job_cost(log) is None


@pytest.mark.skipif(not job_cost.PROCESS.exists(), reason="the peak is Linux's to say")
def test_the_peak_holds_what_was_taken_and_given_back() -> None:
    taken = np.ones(300_000_000, np.uint8)
    size = taken.nbytes / 1e6
    del taken
    peak = peak_megabytes()
    assert peak is not None
    assert peak >= size


def test_a_system_that_does_not_say_gives_no_peak(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_cost, "PROCESS", tmp_path / "none")
    assert peak_megabytes() is None
