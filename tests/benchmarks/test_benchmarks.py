"""The benchmarks, once and quickly: that they run, and that what they check holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from chain import REPOSITORY

from sjft.storage.files import read_json


@pytest.mark.workflow
@pytest.mark.slow
def test_all_benchmarks_run_and_find_right_results(tmp_path: Path) -> None:
    output = tmp_path / "benchmark.md"
    done = subprocess.run(
        [sys.executable, "benchmarks/run_all.py", "--quick", "--output", str(output)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": "workflow"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = read_json(output.with_suffix(".json"))
    assert set(report) == {"machine", "versions", "data", "quick", "ratios", "benchmarks"}
    assert report["quick"] is True
    assert report["machine"]["cores"] == os.cpu_count()
    assert {"numpy", "torch", "annoy", "faiss-cpu", "hnswlib"} <= set(report["versions"])
    assert all(found for found in report["benchmarks"].values())
    ratios = report["ratios"]
    assert ratios["search"]["exact search / sgemm"] > 0
    assert any(name.startswith("annoy / exact search") for name in ratios["recall"])
    rows = report["benchmarks"]["growth"]["tables"]["Peak memory against what the rule declares"]
    assert {"search_shard, annoy", "extract_descriptors", "select_subset"} <= {
        row["stage"] for row in rows
    }
    text = output.read_text()
    assert "these times say nothing" in text
    assert "## growth" in text
