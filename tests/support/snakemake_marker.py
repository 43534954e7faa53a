"""The marker `workflow`: tests/workflow carries it, and no test without it may start Snakemake.

A plug-in of pytest, which tests/conftest.py names.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parents[1] / "workflow"
IMPORTED = re.compile(r"^\s*(from|import) snakemake\b", re.MULTILINE)
_running: list[pytest.Item] = []


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of the folder."""
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.workflow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Know which test runs, with all of its fixtures."""
    _running.append(item)
    try:
        return (yield)
    finally:
        _running.pop()


def starts_snakemake(arguments: Sequence[Any]) -> bool:
    """Whether a command is Snakemake, or Python code or a script that imports it."""
    words = [str(word) for word in arguments]
    named = any(Path(word).name == "snakemake" for word in words)
    scripts = [Path(word) for word in words if word.endswith(".py")]
    texts = words + [s.read_text(encoding="utf-8") for s in scripts if s.is_file()]
    return named or any(IMPORTED.search(text) for text in texts)


def assert_marked() -> None:
    """Raise `AssertionError` where the test that runs has no marker and starts Snakemake."""
    if _running and _running[-1].get_closest_marker("workflow") is None:
        raise AssertionError(
            f"{_running[-1].nodeid} starts Snakemake: it needs the marker `workflow`"
        )


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "subprocess.Popen" and starts_snakemake(arguments[1]):
        assert_marked()


sys.addaudithook(_watch)
