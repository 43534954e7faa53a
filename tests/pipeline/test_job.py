"""A job: its log, its threads, and how its errors end it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sjft.errors import UserError
from sjft.pipeline.job import log_to
from sjft.pipeline.job_cost import read_job_cost

WORKFLOW = Path(__file__).parents[2] / "workflow"
START = """
import logging, sys, warnings
from pathlib import Path

from sjft.errors import UserError
from sjft.pipeline.job import run_job

def work():
    {work}

run_job(work, Path(sys.argv[1]), 2, 1500)
"""
# What another package says too much, in the log and in an error that nobody expects.
TELLS_SECRETS = """
    try:
        raise OSError("http://arthur:pass-word@a.org/x?token=to-ken")
    except OSError:
        logging.warning("Failed to parse headers (url=http://a.org/x?token=to-ken)", exc_info=True)
    raise RuntimeError("http://arthur:pass-word@a.org/x?token=to-ken")
"""


def run(work: str, log: Path, start: str = START) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", start.replace("{work}", work.strip()), str(log)],
        env=os.environ | {"PYTHONPATH": str(WORKFLOW), "NUMBA_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_job_has_secrets_neither_in_its_log_nor_on_the_terminal(tmp_path: Path) -> None:
    done = run(TELLS_SECRETS, tmp_path / "a.log")
    log = (tmp_path / "a.log").read_text(encoding="utf-8")
    for text in (log, done.stderr):
        assert "http://***@a.org/x?token=***" in text
        for secret in ("arthur", "pass-word", "to-ken"):
            assert secret not in text
    assert done.returncode == 1
    assert "RuntimeError" in done.stderr
    assert "ERROR Nobody has expected this error" in log and "RuntimeError" in log


def test_a_file_name_cannot_command_the_terminal_that_shows_a_jobs_words(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    done = run(r'raise UserError("a\x1b]0;x\x07.jpg: is bad.")', log)
    for text in (log.read_text(encoding="utf-8"), done.stderr):
        assert r"a\u001b]0;x\u0007.jpg: is bad." in text
        assert "\x1b" not in text


def test_an_error_of_the_users_ends_a_job_with_its_message_alone(tmp_path: Path) -> None:
    log = tmp_path / "new/a.log"
    done = run('raise UserError("http://u:pass-word@a.org: is not there.")', log)
    assert done.returncode == 1
    assert done.stderr == "\nsjft: http://***@a.org: is not there.\n\n"
    assert log.read_text().endswith("ERROR http://***@a.org: is not there.\n")
    assert read_job_cost(log) is None


def test_a_job_begins_its_log_anew_and_ends_it_with_its_cost(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("of an earlier job\n")
    done = run('logging.info("done"); warnings.warn("odd")', log)
    assert (done.returncode, done.stderr) == (0, "")
    text = log.read_text()
    assert "earlier" not in text and "INFO done" in text and "UserWarning: odd" in text
    cost = read_job_cost(log)
    if Path("/proc/self/status").exists():
        assert cost is not None and cost.declared == 1500 and 0 < cost.peak < 1500


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_below_the_log_is_said_once_and_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.log").symlink_to("/dev/full")
    done = run('logging.info("one"); logging.info("two"); print("done")', tmp_path / "a.log")
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.startswith(f"sjft: {tmp_path}/a.log: cannot be written (No space left on")
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_what_is_loaded_gets_the_jobs_threads_and_nothing_is_loaded_for_it(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    done = run('print({"torch", "numba"} & set(sys.modules))', log)
    assert done.stdout == "set()\n", done.stderr
    shown = [
        "torch.get_num_threads()",
        "torch.are_deterministic_algorithms_enabled()",
        "numba.get_num_threads()",
    ]
    done = run(f"print({', '.join(shown)})", log, f"import numba, torch\n{START}")
    assert done.stdout == "2 True 1\n", done.stderr


def test_a_log_that_cannot_be_written_is_an_error_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("no folder")
    with pytest.raises(UserError, match="logs"):
        log_to(tmp_path / "logs/a.log")
