"""The words that a terminal shows of a job."""

import os
import pwd
from pathlib import Path

import pytest
from chain import CONFIG

from sjft.pipeline.terminal import (
    about_lock,
    missing_experiment,
    shorter,
    with_settings,
    without_record,
)
from sjft.settings.config import read_configuration

C = read_configuration(CONFIG)


def test_of_many_files_the_first_are_named() -> None:
    files = ", ".join(f"results/a/{number}.csv" for number in range(9))
    reason = f"Missing output files: {files}; Code has changed since last execution"
    assert shorter(reason) == (
        "Missing output files: results/a/0.csv, results/a/1.csv, results/a/2.csv and 6 more; "
        "Code has changed since last execution"
    )
    assert shorter("Forced execution") == "Forced execution"


def test_a_change_of_params_is_told_by_the_settings() -> None:
    reason = "Params have changed since last execution: before: <nothing exclusive> now: 3"
    told = with_settings(
        reason, "before: <nothing exclusive> now: 3", {"bins": 3, "seed": 0}, {"3"}, {"2"}
    )
    assert told == "Params have changed since last execution: bins: 2 -> 3"


@pytest.mark.parametrize("on_cluster", [False, True])
def test_a_lock_of_another_user_is_told_before_it_is_said_how_to_unlock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, on_cluster: bool
) -> None:
    """Of another user's processes nobody is told in which folder they run."""
    locks = tmp_path / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.input.lock").touch()
    (locks / "0.output.lock").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))  # no squeue
    own = about_lock(["results/demo/model.pt"], on_cluster)
    whose = pwd.getpwuid(os.getuid()).pw_name
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    told = about_lock(["results/demo/model.pt"], on_cluster)
    assert told.startswith(f"The lock is of a run of {whose}, which may be at work, here or on ")
    assert (f"`squeue --user={whose}`" in told) == on_cluster
    for said in (own, told):
        assert said.endswith("snakemake --unlock results/demo/model.pt")
    assert "The lock is of" not in own
    assert ("Where other machines share it" in own) != on_cluster


def test_jobs_without_a_record_are_counted_and_it_is_said_what_to_take_along() -> None:
    told = without_record(39)
    assert told.startswith("Of 39 jobs that are done there is no record in .snakemake.")
    assert ".snakemake/metadata along" in told
    assert without_record(1).startswith("Of 1 job that is done there is")


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("No rule to produce results/tinny/model.pt (if you use input functions ...", "`tiny`?"),
        ("No rule to produce results/tiny/model.txt", None),
        ("No rule to produce results/logs/nothing.log", None),
        ("MissingInputException in rule all", None),
    ],
)
def test_a_file_of_no_experiment_is_explained(message: str, words: str | None) -> None:
    told = missing_experiment(message, C)
    assert (told == "") if words is None else (words in told)
