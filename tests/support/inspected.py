"""What `sjft inspect` says of a file."""

import json
from pathlib import Path

import pytest

from sjft.cli.main import main


def told(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """All that it prints of a file in which nothing is wrong."""
    assert main(["inspect", *map(str, arguments)]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def failing(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What does not hold of a file, as it is told."""
    assert main(["inspect", str(path), "--json"]) == 1
    output = capsys.readouterr()
    assert output.err.count("\n") == 1 and "do not hold" in output.err
    content = json.loads(output.out)
    assert content["sane"] is False
    found = [f"{c['what']}: {c['problem']}" for c in content["checks"] if not c["holds"]]
    assert main(["inspect", str(path)]) == 1
    text = capsys.readouterr().out
    assert all(f"  FAILS  {line}" in text for line in found)
    return found
