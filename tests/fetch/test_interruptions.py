"""Fetching that is interrupted at any step, or done twice at once."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from archive_files import content_of
from fetched import fetch, incomplete, settings_of
from mirror import mirrored
from server import Server

from sjft.fetch import dataset as fetching
from sjft.fetch.missing import missing_parts

STEPS = ["download", "extract_archive", "write_receipt_file", "move_into_place", "_remove"]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interruption_at_any_step_is_mended_by_the_next_run(
    indoor: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, when: str
) -> None:
    real = getattr(fetching, step)

    def interrupted(*arguments: Any) -> None:
        if when == "after":
            real(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fetching, step, interrupted)
        fetch(indoor, tmp_path)
    assert list(missing_parts(settings_of(indoor), tmp_path / "indoor67")) != []
    fetch(indoor, tmp_path)
    assert not (tmp_path / "indoor67/.fetching").exists()
    assert content_of(tmp_path / "indoor67/Images") == content_of(tmp_path / "published/Images")
    assert "is there already" in fetch(indoor, tmp_path)


def test_an_interruption_between_two_moves_is_mended(
    indoor: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, moved = Path.rename, []

    def interrupted(path: Path, to: Path) -> Path:
        if len(moved) == 2:
            raise KeyboardInterrupt
        moved.append(to)
        return real(path, to)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", interrupted)
        fetch(indoor, tmp_path)
    assert list(missing_parts(settings_of(indoor), tmp_path / "indoor67")) != []
    assert "is there already" in fetch(indoor, tmp_path)
    assert content_of(tmp_path / "indoor67/Images") == content_of(tmp_path / "published/Images")
    assert not (tmp_path / "indoor67/.fetching").exists()


@pytest.mark.slow
def test_a_kill_in_the_middle_of_extraction_is_mended(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    for number in range(3000):
        (tmp_path / f"published/Images/bar/{number}.jpg").write_bytes(b"x" * 2000)
    indoor = mirrored("indoor67", tmp_path / "published", server)
    code = (
        "import sys, json; from pathlib import Path; from pydantic import TypeAdapter;"
        "from sjft.fetch.dataset import fetch_dataset;"
        "from sjft.settings.dataset import FilesOnDisk;"
        "settings = TypeAdapter(FilesOnDisk).validate_python(json.loads(sys.argv[1]));"
        "fetch_dataset('indoor67', settings, Path(sys.argv[2]))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-c", code, json.dumps(indoor), str(tmp_path)], env=environment
    )
    extracted = tmp_path / "indoor67/.fetching/extracted/Images/bar"
    until = time.monotonic() + 60
    while not list(extracted.glob("*")) and time.monotonic() < until:
        assert process.poll() is None
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert 0 < len(list(extracted.iterdir())) < 3000
    incomplete(indoor, tmp_path)
    fetch(indoor, tmp_path)
    assert content_of(tmp_path / "indoor67/Images") == content_of(tmp_path / "published/Images")
    assert len(server.asked) == 3  # nothing was downloaded again


def test_two_runs_at_once_do_the_work_once(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    said: list[str] = []
    runs = [threading.Thread(target=lambda: said.append(fetch(indoor, tmp_path))) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert sorted("already" in text for text in said) == [False, True, True]
    assert len(server.asked) == 3
