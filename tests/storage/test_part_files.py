"""Two writers of one file leave each other alone, and what killed ones left goes."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sjft.storage import part_files
from sjft.storage.files import write_bytes, written_beside
from sjft.storage.part_files import part_file, remove_left_over

LIBRARY = Path(__file__).parents[2] / "workflow"
A_DAY = 24 * 3600


def test_two_writers_of_a_file_end_both_and_the_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "neighbours.h5"
    with written_beside(path) as first:
        first.write_bytes(b"begun")
        with written_beside(path) as second:
            assert first != second
            second.write_bytes(b"the second")
        assert path.read_bytes() == b"the second"
        first.write_bytes(b"the first, which ends last")
    assert path.read_bytes() == b"the first, which ends last"
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_writer_in_another_process_is_left_alone_until_it_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    code = (
        "import pathlib, sys; from sjft.storage.files import written_beside\n"
        "with written_beside(pathlib.Path(sys.argv[1])) as beside:\n"
        "    beside.write_bytes(b'half'); print('writing', flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        env=os.environ | {"PYTHONPATH": str(LIBRARY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == "writing\n"
        write_bytes(path, b"whole")
        (left,) = tmp_path.glob(".*.part")
        assert left.read_bytes() == b"half"
        other.kill()
    write_bytes(path, b"again")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_a_writer_on_another_machine_is_asked_by_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shard.h5"
    monkeypatch.setattr(part_files, "gethostname", lambda: "node17.cluster.org")
    elsewhere = part_file(path)
    monkeypatch.undo()
    elsewhere.touch()
    remove_left_over(path)
    assert elsewhere.exists()
    long_ago = time.time() - A_DAY - 60
    os.utime(elsewhere, (long_ago, long_ago))
    remove_left_over(path)
    assert not elsewhere.exists()


def test_part_files_of_other_files_are_none_of_ours(tmp_path: Path) -> None:
    long_ago = time.time() - A_DAY - 60
    others = [part_file(tmp_path / "a.csv.b2"), tmp_path / ".a.csv.notes.part"]
    for other in others:
        other.touch()
        os.utime(other, (long_ago, long_ago))
    # Of a process that has ended, on this machine, and as an older version named it.
    ended = tmp_path / ".a.csv.123456.part"
    ended.touch()
    os.utime(ended, (long_ago, long_ago))
    remove_left_over(tmp_path / "a.csv")
    assert sorted(tmp_path.iterdir()) == sorted(others)
