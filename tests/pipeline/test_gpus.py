"""GPUs of one machine are handed out, without any: a stand-in for the driver's list is enough."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sjft.errors import UserError
from sjft.pipeline.gpus import HANDED_OUT, VISIBLE, gpus_here, handed_out, own_gpus

WHOLE = """\
GPU 0: NVIDIA H100 (UUID: GPU-11111111-2222-3333-4444-555555555555)
GPU 1: NVIDIA H100 (UUID: GPU-66666666-7777-8888-9999-000000000000)
"""
IN_PARTS = """\
GPU 0: NVIDIA A100 (UUID: GPU-1)
  MIG 3g.20gb     Device  0: (UUID: MIG-a)
  MIG 3g.20gb     Device  1: (UUID: MIG-b)
GPU 1: NVIDIA A100 (UUID: GPU-2)
"""
LIBRARY = Path(__file__).parents[2] / "workflow"
PATIENCE = 60


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        *(("0,1", ["0", "1"]), ("GPU-1, GPU-2", ["GPU-1", "GPU-2"]), ("2,2", ["2"])),
        *(("", []), ("-1", []), ("0,-1,1", ["0"]), ("NoDevFiles", [])),
    ],
)
def test_what_is_visible_already_is_all_there_is(visible: str, expected: list[str]) -> None:
    assert gpus_here({VISIBLE: visible}) == expected


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (
            WHOLE,
            [
                "GPU-11111111-2222-3333-4444-555555555555",
                "GPU-66666666-7777-8888-9999-000000000000",
            ],
        ),
        (IN_PARTS, ["MIG-a", "MIG-b", "GPU-2"]),
        ("", []),
    ],
)
def test_else_the_driver_lists_them(
    listed: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tmp_path / "nvidia-smi"
    stand_in.write_text(f"#!/bin/sh\n[ $1 = --list-gpus ] && printf '%s' '{listed}'\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert gpus_here({}) == expected


@pytest.mark.parametrize("command", [None, "echo broken >&2; exit 9"])
def test_without_a_driver_that_works_there_are_none(
    command: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if command:
        (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\n{command}\n")
        (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus_here({}) == []


def test_jobs_share_gpus_where_more_run_at_once_than_there_are() -> None:
    assert handed_out(["a", "b"], 2) == "a,b"
    assert handed_out(["a", "b"], 1) == "a,b"  # any that is free will do
    assert handed_out(["a", "b"], 5) == "a,b,a,b,a"


def test_jobs_beside_each_other_get_different_gpus(tmp_path: Path) -> None:
    first, second, third = ({HANDED_OUT: "a,b,c"} for _ in range(3))
    with own_gpus(1, first, tmp_path), own_gpus(2, second, tmp_path):
        assert (first[VISIBLE], second[VISIBLE]) == ("a", "b,c")
    with own_gpus(3, third, tmp_path):
        assert third[VISIBLE] == "a,b,c"
    assert VISIBLE not in first | second | third


def test_a_gpu_that_two_share_is_no_two_gpus(tmp_path: Path) -> None:
    first, second = ({HANDED_OUT: "a,b,a,b"} for _ in range(2))
    with own_gpus(2, first, tmp_path), own_gpus(2, second, tmp_path):
        assert first[VISIBLE] == second[VISIBLE] == "a,b"


@pytest.mark.parametrize(
    ("number", "environment", "seen"),
    [
        (1, {}, None),  # on a cluster
        (1, {VISIBLE: "3"}, "3"),
        (0, {HANDED_OUT: "a"}, None),
        (4, {HANDED_OUT: "a,b"}, "a,b"),  # training says what it lacks
    ],
)
def test_where_none_are_handed_out_all_is_left(
    number: int, environment: dict[str, str], seen: str | None, tmp_path: Path
) -> None:
    before = dict(environment)
    with own_gpus(number, environment, tmp_path):
        assert environment.get(VISIBLE) == seen
    assert environment == before


@contextmanager
def job(number: int, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that takes so many of two GPUs, says which, and ends when it is told to."""
    code = (
        "import os, pathlib, sys; from sjft.pipeline.gpus import own_gpus\n"
        "with own_gpus(int(sys.argv[1]), folder=pathlib.Path(sys.argv[2])):\n"
        "    print(os.environ['CUDA_VISIBLE_DEVICES'], flush=True); sys.stdin.read()\n"
    )
    environment = os.environ | {HANDED_OUT: "a,b", "PYTHONPATH": str(LIBRARY)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(number), str(folder)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def says(process: subprocess.Popen[str], seconds: float) -> str | None:
    """What a job has taken; nothing where it has to wait for longer."""
    readable, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline().strip() if readable and process.stdout else None


@pytest.mark.slow
def test_a_job_waits_until_enough_are_free_and_takes_what_a_killed_one_had(tmp_path: Path) -> None:
    with job(1, tmp_path) as one:
        assert says(one, PATIENCE) == "a"
        with job(2, tmp_path) as both:
            assert says(both, 3) is None
            # While it waits it holds back nobody.
            own = {HANDED_OUT: "a,b"}
            with own_gpus(1, own, tmp_path):
                assert own[VISIBLE] == "b"
            one.kill()
            assert says(both, PATIENCE) == "a,b"
            both.communicate("")
            assert both.returncode == 0


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match=r"a\.0\.lock: cannot be written"),
        own_gpus(1, {HANDED_OUT: "a"}, tmp_path / "file"),
    ):
        pass


def test_locks_that_others_could_hold_for_ever_are_refused(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "own")
    with (
        pytest.raises(UserError, match="or set TMPDIR to a folder of your own"),
        own_gpus(1, {HANDED_OUT: "a"}, tmp_path / "link"),
    ):
        pass
    (tmp_path / "own/a.0.lock").symlink_to(tmp_path / "elsewhere")
    with (
        pytest.raises(UserError, match=r"a\.0\.lock: cannot be written"),
        own_gpus(1, {HANDED_OUT: "a"}, tmp_path / "own"),
    ):
        pass
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.slow
def test_torch_looks_at_the_variable_after_its_import(tmp_path: Path) -> None:
    """Scripts import torch before their job takes its GPU: it must not have looked by then."""
    done = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.cuda.is_initialized())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False\n"
