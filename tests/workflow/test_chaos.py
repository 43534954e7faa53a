"""Random SIGKILLs of jobs and of Snakemake, over the tiny chain: the short form of `make chaos`."""

import subprocess
import sys
from pathlib import Path

import pytest
from chain import REPOSITORY, Chain

from sjft.storage.files import read_json

pytestmark = pytest.mark.slow


def test_two_rounds_of_chaos_end_with_the_bytes_of_an_undisturbed_run(
    fresh: Chain, tmp_path: Path
) -> None:
    output = tmp_path / "chaos.md"
    command = [sys.executable, str(REPOSITORY / "benchmarks/chaos.py"), "--output", str(output)]
    command += ["--rounds", "2", "--workflow", str(fresh.root)]
    command += ["--target", "results/tiny/runs/fine-tune-0/evaluation.json"]
    done = subprocess.run(
        command,
        env=fresh.environment({"PYTHONPATH": str(fresh.root / "workflow")}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (rows,) = read_json(output.with_suffix(".json"))["tables"].values()
    assert [row["round"] for row in rows] == ["undisturbed", "0", "1"]
    kills = [row[f"{who} killed"] for row in rows for who in ("jobs", "Snakemake", "all")]
    assert sum(kills) > 0
