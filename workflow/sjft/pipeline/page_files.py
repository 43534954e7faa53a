"""The files that a page for people is made from: for its rule, and for its job as plain values."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from sjft import layout
from sjft.layout import File


def made_by_rules(paths: Iterable[Path]) -> list[File]:
    """The same files, each with the job that makes it."""
    return [_made_by_rule(str(path)) for path in paths]


def _made_by_rule(path: str) -> File:
    job = layout.job_of(path)
    assert job is not None, path
    return File(path, job)


def as_values(inputs: object) -> dict[str, Any]:
    """A page's inputs, a dataclass of paths, as plain values."""
    values: dict[str, Any] = TypeAdapter(type(inputs)).dump_python(inputs, mode="json")
    return values
