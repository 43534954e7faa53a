"""No test starts Snakemake unless it carries the marker `workflow`."""

import os
import subprocess
import sys
from pathlib import Path

import forked_snakemake
import pytest
from chain import REPOSITORY

COMMANDS = [
    ["snakemake", "-n"],
    [sys.executable, "-m", "snakemake", "--version"],
    [sys.executable, "-c", "import sys\nfrom snakemake import cli"],
    [sys.executable, str(REPOSITORY / "tests/support/rerun_reasons.py")],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_test_without_the_marker_cannot_start_snakemake(command: list[str]) -> None:
    with pytest.raises(AssertionError, match="starts Snakemake: it needs the marker `workflow`"):
        subprocess.run(command, check=True)


def test_nor_by_a_fork_of_a_process_that_has_it_loaded(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="starts Snakemake: it needs the marker `workflow`"):
        forked_snakemake.snakemake(["--version"], tmp_path, os.environ)


def test_other_programs_can_be_started() -> None:
    subprocess.run([sys.executable, "-c", "print('snakemake')"], check=True)


@pytest.mark.workflow
def test_a_test_with_the_marker_can() -> None:
    subprocess.run([sys.executable, "-m", "snakemake", "--version"], check=True)
