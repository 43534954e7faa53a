"""The checks for a GPU: their code runs on the CPU, and without a GPU they say so."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from chain import REPOSITORY

from sjft.storage.files import read_json


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(REPOSITORY / "benchmarks/gpu.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="here is a GPU")
def test_without_a_gpu_it_says_so(tmp_path: Path) -> None:
    done = call("--output", str(tmp_path / "gpu.md"))
    assert done.returncode == 0
    assert "No GPU here" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_the_same_code_on_the_cpu_finds_what_the_cpu_finds(tmp_path: Path) -> None:
    output = tmp_path / "gpu.md"
    done = call("--output", str(output), "--device", "cpu", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    report = read_json(output.with_suffix(".json"))
    (rows,) = report["tables"].values()
    found = {row["what"]: row for row in rows}
    assert len(found) == 8
    assert report["left out"] == ["the demo: --quick"]
    # Two ways of the same processor are the same; of times nothing is known here.
    assert found["responses in another bin than on the CPU"]["figure"] == 0
    assert found["places of exact lists with the CPU's image"]["figure"] == 1
    assert found["last loss, mixed precision beside float32"]["figure"] == 0
    assert found["weights of the same training, done twice"]["figure"] == 0
    stopped = found["weights of the same training, gone on with from half"]
    assert (stopped["figure"], stopped["good"]) == (0, True)
    assert found["weights of two processes over gloo beside one's"]["good"]
