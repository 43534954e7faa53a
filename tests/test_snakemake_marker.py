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


@pytest.mark.workflow
def test_forks_have_their_own_folder_variables_and_code(tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(
        "import os, sys\n"
        "print(os.getcwd(), os.environ['SAID'], sys.argv[1:], os.environ.get('HOME'))\n"
    )
    for said in ("one", "two"):
        code, told = forked_snakemake.snakemake(["-n"], tmp_path, {"SAID": said})
        assert code == 0, told
        assert f"{tmp_path} {said} ['-n'] None" in told
    code, told = forked_snakemake.snakemake(["-n", "absent"], tmp_path, {"SAID": "three"})
    assert code == 1 and "MissingRuleException" in told
