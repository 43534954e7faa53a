"""What the terminal shows of a job that fails."""

from pathlib import Path

from chain import copy_workflow


def test_a_failed_job_says_what_it_was_doing(tmp_path: Path) -> None:
    outcome = copy_workflow(tmp_path / "run").snakemake("fetch_elsewhere")
    assert outcome.code != 0
    assert "message: Fetching elsewhere" in outcome.output
    assert "Ask the neighbours." in outcome.output
