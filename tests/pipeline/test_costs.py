"""What jobs have cost: the files that Snakemake wrote of them, added up by stage."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from chain import CONFIG

from sjft.cli.main import main
from sjft.layout import Job
from sjft.pipeline.costs import StageCost, costs_of
from sjft.pipeline.jobs import jobs_of_model
from sjft.settings.config import read_configuration

HEAD = "s\th:m:s\tmax_rss\tio_in\n"
CONFIGURATION = read_configuration(CONFIG)


def listing(name: str) -> Job:
    return Job("list_images", (("dataset", name),))


def write_benchmark(folder: Path, job: Job, line: str) -> Path:
    assert job.benchmark is not None
    path = folder / job.benchmark
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + line + "\n")
    return path


def test_the_cost_of_a_stage_is_that_of_all_its_jobs(tmp_path: Path) -> None:
    jobs = [listing(name) for name in ("a", "b", "missing", "c")]
    evaluated = Job("evaluate", (("arm", "selective"), ("experiment", "e"), ("seed", "0")))
    write_benchmark(tmp_path, jobs[0], "1.5\t0:00:01\t200.5\t0")
    write_benchmark(tmp_path, jobs[1], "0.25\t0:00:00\tNA\tNA")
    write_benchmark(tmp_path, jobs[3], "2.0\t0:00:02\t100.0\t0")
    summary = Job("summarise", (("experiment", "e"),))  # is over at once, and not measured
    assert costs_of([evaluated, *jobs, summary], tmp_path) == [
        StageCost("list_images", jobs=3, not_measured=1, seconds=3.75, peak_memory_mb=200.5),
        StageCost("evaluate", jobs=0, not_measured=1, seconds=0.0, peak_memory_mb=0.0),
    ]


def test_a_damaged_benchmark_is_a_job_not_measured(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_benchmark(tmp_path, listing("a"), "1.5\t0:00:01\t200.5\t0")
    whole = path.read_bytes()
    for content in (
        *(whole[:length] for length in range(len(whole) - 10)),
        *(whole.replace(b"1.5", number) for number in (b"-1", b"nan", b"inf", b"1e999", b"\xff")),
        *(whole.replace(b"200.5", number) for number in (b"", b"\0\0", b"N", b'"')),
        whole.replace(b"\t", b" "),
        bytes(len(whole)),
    ):
        path.write_bytes(content)
        caplog.clear()
        (cost,) = costs_of([listing("a")], tmp_path)
        assert (cost.jobs, cost.not_measured, cost.seconds) == (0, 1, 0.0), content
        assert str(path) in caplog.text
    path.write_bytes(whole)
    (cost,) = costs_of([listing("a")], tmp_path)
    assert (cost.jobs, cost.not_measured, cost.seconds) == (1, 0, 1.5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a user calls `sjft`, with the tests' small configuration."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    (tmp_path / "workflow/sjft").mkdir(parents=True)
    (tmp_path / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_adds_up_the_jobs_behind_a_model(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    jobs = jobs_of_model(CONFIGURATION, "twice")
    measured = [job for job in jobs if job.benchmark is not None]
    for job in measured:
        write_benchmark(folder, job, "2.0\t0:00:02\t150.0\t0")
    # Another experiment's, and one of another arm: neither is behind this model.
    for job in jobs_of_model(CONFIGURATION, "tiny"):
        if job.benchmark is not None and job not in jobs:
            write_benchmark(folder, job, "1000.0\t0:00:02\t9000.0\t0")
    assert main(["cost", "twice"]) == 0
    rows = {
        cells[0].strip(): [cell.strip() for cell in cells[1:]]
        for line in capsys.readouterr().out.splitlines()
        if (cells := line.strip("| ").split("|"))
    }
    assert rows["all"] == [str(len(measured)), "0", f"{2 * len(measured):.1f}", "150"]
    assert rows["finetune"] == ["2", "0", "4.0", "150"]
    assert "summarise" not in rows
    shutil.rmtree(folder / "results/benchmarks/finetune")
    assert main(["cost", "twice"]) == 0
    assert re.search(r"finetune +\| 0 +\| 2 ", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("tiny", "Nothing of `tiny` has been measured here"),
        ("tinny", "There is no experiment `tinny`. Did you mean `tiny`?"),
    ],
)
def test_what_was_not_measured_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], name: str, words: str
) -> None:
    assert main(["cost", name]) == 1
    assert words in capsys.readouterr().err
