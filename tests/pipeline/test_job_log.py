"""How far a job is, and how it ended, by its log."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from sjft import progress as module
from sjft.pipeline.job_log import InJob, end_of_log, how_far, tells_an_error
from sjft.progress import progress


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A job's log, and a clock that goes on by twenty seconds each time that it is read."""
    path = tmp_path / "job.log"
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    moments = iter(range(0, 10**6, 20))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(moments))
    yield path
    root.removeHandler(handler)
    root.setLevel(level)
    handler.close()


def test_a_loop_is_followed_by_the_lines_that_it_writes(log: Path) -> None:
    assert how_far(log) is None
    seen = []
    for _ in progress(range(4), total=40, what="bins of a, b", unit="images", per_item=10):
        seen.append(how_far(log))
    assert seen == [
        None,
        InJob("bins of a, b: 10 of 40 images", None),
        InJob("bins of a, b: 20 of 40 images", 40.0),
        InJob("bins of a, b: 30 of 40 images", 20.0),
    ]
    assert how_far(log) is None  # it has ended
    logging.info("and now something else")
    assert how_far(log) is None


def test_a_loop_without_an_end_says_what_is_done(log: Path) -> None:
    seen = []
    for _ in progress(range(3), total=None, what="pairs", unit="pieces"):
        logging.info("a line between: 3 of them")
        seen.append(how_far(log))
    assert seen == [None, None, InJob("pairs: 2 pieces", None)]


def test_a_log_that_is_not_there_or_no_text_tells_nothing(tmp_path: Path) -> None:
    assert how_far(tmp_path / "none.log") is None
    assert end_of_log(tmp_path / "none.log") == []
    (tmp_path / "odd.log").write_bytes(b"\xff\xfe\x00" * 5000)
    assert how_far(tmp_path / "odd.log") is None


def test_the_end_is_the_error_with_all_of_its_lines(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    log.write_text("".join(f"2026-01-01 10:00:00,000 INFO line {n}\n" for n in range(50)))
    end = end_of_log(log)
    assert len(end) == 12 and end[-1].endswith("line 49")
    assert not tells_an_error(end)
    with log.open("a") as file:
        file.write("2026-01-01 10:00:00,000 ERROR a.jpg: is truncated.\nSet `on_bad_image`.\n")
    end = end_of_log(log)
    assert [line[-12:] for line in end] == ["s truncated.", "on_bad_image`."[-12:]]
    assert tells_an_error(end)
    with log.open("a") as file:
        file.write("2026-01-01 10:00:01,000 ERROR Nobody has expected this error.\n")
        file.writelines(f"  frame {number}\n" for number in range(40))
    end = end_of_log(log)
    assert end[0].endswith("expected this error.") and end[1] == "..."
    assert end[2:] == [f"  frame {number}" for number in range(28, 40)]
