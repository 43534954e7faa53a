"""No test starts Snakemake unless it carries the marker `workflow`."""

import subprocess
import sys

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


def test_other_programs_can_be_started() -> None:
    subprocess.run([sys.executable, "-c", "print('snakemake')"], check=True)


@pytest.mark.workflow
def test_a_test_with_the_marker_can() -> None:
    subprocess.run([sys.executable, "-m", "snakemake", "--version"], check=True)
