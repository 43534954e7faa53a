"""Folders that cannot be written to are named before a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from mounted import own_mounts

from sjft.checks.folders import require_writable
from sjft.errors import UserError

LOOK = """
import sys
from pathlib import Path
from sjft.checks.folders import require_writable
require_writable(map(Path, sys.argv[1:]))
"""


def test_folders_that_are_there_or_can_be_made_are_taken(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    require_writable([tmp_path / "there/a.csv", tmp_path / "new/b/c.csv"])


def test_a_folder_without_rights_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Root may write everywhere.
    monkeypatch.setattr(os, "access", lambda folder, mode: folder.name != "sealed")
    (tmp_path / "sealed").mkdir()
    with pytest.raises(UserError) as error:
        require_writable([tmp_path / "a.csv", tmp_path / "sealed/new/b.csv"])
    assert str(error.value).startswith(f"{tmp_path}/sealed: cannot be written (Permission denied).")


def test_a_disk_that_is_read_only_is_named(tmp_path: Path) -> None:
    if (mounts := own_mounts()) is None:
        pytest.skip("nothing can be mounted here (`unshare --mount` is refused)")
    script = 'mount -t tmpfs -o ro none "$1" && exec "$2" -c "$3" "$1/results/a.csv"'
    arguments = ["sh", str(tmp_path), sys.executable, LOOK]
    library = Path(require_writable.__code__.co_filename).parents[2]
    done = subprocess.run(
        [*mounts, "sh", "-c", script, *arguments],
        env=os.environ | {"PYTHONPATH": str(library)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"UserError: {tmp_path}: cannot be written (Read-only file system)." in done.stderr
