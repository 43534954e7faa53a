"""A folder in which a user calls `sjft`."""

from pathlib import Path

import pytest
import yaml
from chain import CONFIG

from sjft.pipeline import forecast as plan
from sjft.pipeline import training_cost


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a user calls `sjft`, with the tests' small configuration."""
    path = tmp_path / "config" / "config.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    (tmp_path / "Snakefile").touch()  # as in a clone
    (tmp_path / "workflow" / "sjft").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SJFT_DATA_ROOT", raising=False)
    # What is measured is not looked at here: one update will do.
    monkeypatch.setattr(training_cost, "LONG", 0.0)
    monkeypatch.setattr(plan, "seconds_of_start", lambda: 1.0)
    return tmp_path
