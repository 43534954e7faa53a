"""Progress: items pass through unchanged, and the log says how far it is."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sjft import progress as module
from sjft.progress import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that goes on by four seconds each time that it is read."""
    now = [0.0]

    def read() -> float:
        now[0] += 4
        return now[0]

    monkeypatch.setattr(module.time, "monotonic", read)
    return now


@given(items=st.lists(st.integers()), per_item=st.integers(1, 5))
def test_all_items_pass_in_order(items: list[int], per_item: int) -> None:
    total = len(items) * per_item
    assert list(progress(items, total=total, what="x", unit="y", per_item=per_item)) == items


def test_the_end_is_logged_with_the_true_number(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        list(progress(range(3), total=10, what="search", unit="images", per_item=4))
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("search: 10 images in ")


def test_lines_come_every_ten_seconds(clock: list[float], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        list(progress(range(8), total=8, what="training", unit="updates"))
    assert caplog.messages == [
        "training: 3 of 8 updates, 0.2 a second, 20 s left",
        "training: 6 of 8 updates, 0.2 a second, 8 s left",
        "training: 8 updates in 36.0 s",
    ]


def test_the_warm_up_is_not_taken_for_the_rate(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    # The first update takes half a minute, the next three 4 s each, and the rest 2 s each.
    moments = iter([0, 30, 34, 38, 42, *range(44, 60, 2), 58])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(moments))
    with caplog.at_level(logging.INFO):
        list(progress(range(12), total=12, what="training", unit="updates"))
    assert caplog.messages == [
        "training: 1 of 12 updates",
        "training: 4 of 12 updates, 0.2 a second, 32 s left",
        "training: 9 of 12 updates, 0.4 a second, 8 s left",
        "training: 12 updates in 58.0 s",
    ]


def test_slow_units_are_said_in_seconds(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    moments = iter([0, 100, 140, 180, 220, 220])
    monkeypatch.setattr(module.time, "monotonic", lambda: next(moments))
    with caplog.at_level(logging.INFO):
        list(progress(range(4), total=4, what="training", unit="updates"))
    assert caplog.messages[:3] == [
        "training: 1 of 4 updates",
        "training: 2 of 4 updates, 40 s for each, 80 s left",
        "training: 3 of 4 updates, 40 s for each, 40 s left",
    ]


def test_lines_without_a_total_say_what_is_done(
    clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        list(progress(range(4), total=None, what="a.tar", unit="KiB", per_item=1024))
    assert caplog.messages == [
        "a.tar: 3072 KiB, 256.0 a second",
        "a.tar: 4096 KiB in 20.0 s",
    ]


def test_items_are_not_taken_ahead() -> None:
    taken = []
    items = progress((taken.append(i) or i for i in range(5)), total=5, what="x", unit="y")
    next(items)
    assert taken == [0]
    next(items)
    assert taken == [0, 1]


def test_no_bar_is_drawn_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    list(progress(range(5), total=5, what="x", unit="y"))
    output = capsys.readouterr()
    assert output.out == output.err == ""
