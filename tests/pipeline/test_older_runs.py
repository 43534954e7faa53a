"""Jobs that a killed run left in Slurm are found by their folder, and named with what to type."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from sjft.pipeline.older_runs import QueuedJob, at_work_in, queued_in, refusal, still_at_work


def put_squeue(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "squeue"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def test_jobs_of_this_folder_are_found_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "link").symlink_to(here)
    lines = (
        f"run-1|{here}|rule_finetune_a|b\nrun-2|/elsewhere|rule_explore\nrun-1|{tmp_path}/link|x"
    )
    put_squeue(tmp_path, monkeypatch, f"cat <<'END'\n{lines}\nEND")
    assert queued_in(here) == [QueuedJob("run-1", "rule_finetune_a|b"), QueuedJob("run-1", "x")]
    assert queued_in(tmp_path) == []


def test_without_a_slurm_that_answers_there_are_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_squeue(tmp_path, monkeypatch, "echo 'cannot reach the controller' >&2; exit 1")
    assert queued_in(tmp_path) == []
    monkeypatch.setenv("PATH", "/nowhere")
    assert queued_in(tmp_path) == []


def test_the_message_has_every_run_s_command() -> None:
    told = refusal([QueuedJob("a", f"rule_{n}") for n in range(4)] + [QueuedJob("b", "rule_4")])
    assert told.startswith("5 jobs of older runs are still in Slurm for this folder: rule_0, ")
    assert "rule_2 and 2 more." in told
    assert "\n  scancel --name=a\n  scancel --name=b\n" in told
    assert "--unlock" in told
    assert refusal([QueuedJob("a", "x")]).startswith("1 job of an older run is still in Slurm")


@pytest.mark.workflow  # it has the name alone
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="no /proc on this system")
def test_a_run_that_is_at_work_in_this_folder_is_found(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "snakemake").write_text("import time\ntime.sleep(60)\n")
    command = [sys.executable, str(tmp_path / "snakemake")]
    runs = [
        subprocess.Popen([*command, *more], cwd=folder)
        for folder, more in ((here, ["-n"]), (here, ["--mode", "subprocess"]), (tmp_path, []))
    ]
    try:
        until = time.monotonic() + 60
        while not (found := at_work_in(here)) and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        for run in runs:
            run.kill()
            run.wait()
    assert found == [runs[0].pid]
    assert f"`kill {runs[0].pid}`" in still_at_work(found)
    assert at_work_in(here) == []


@pytest.mark.workflow  # it has the name alone
@pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="no /proc on this system")
def test_what_has_started_this_run_is_no_other_run(tmp_path: Path) -> None:
    program = tmp_path / "snakemake"  # as `timeout 2h snakemake` is: it starts another process
    program.write_text(
        "import subprocess, sys\n"
        "asked = 'from pathlib import Path; from sjft.pipeline.older_runs import at_work_in; '\n"
        "asked += 'print(at_work_in(Path.cwd()))'\n"
        "subprocess.run([sys.executable, '-c', asked], check=True)\n",
        encoding="utf-8",
    )
    command = [sys.executable, str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
