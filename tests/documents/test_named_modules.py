"""Modules and functions that are named in backticks, in pages, comments and docstrings, exist."""

import ast
import re
from functools import cache
from pathlib import Path

from chain import REPOSITORY

FOLDERS = {
    ".": ("*.md", "Snakefile", "Makefile"),
    "docs": ("*.md",),
    "config": ("*.md", "*.yaml"),
    "workflow": ("**/*.py", "**/*.smk", "**/*.yaml"),
    "benchmarks": ("*.py",),
    "tests": ("**/*.py",),
}
TEXTS = sorted(
    path
    for folder, patterns in FOLDERS.items()
    for pattern in patterns
    for path in (REPOSITORY / folder).glob(pattern)
    # What has changed says what there was.
    if path.name != "CHANGELOG.md" and path.resolve() != Path(__file__).resolve()
)


def exists(name: str) -> bool:
    """Whether a dotted name is a module of the library, or stands in one."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        place = REPOSITORY.joinpath("workflow", *parts[:length])
        for file in (place.with_suffix(".py"), place / "__init__.py"):
            if file.is_file():
                return set(parts[length:]) <= names_in(file)
    return False


@cache
def names_in(file: Path) -> frozenset[str]:
    """The classes, functions and variables that a module gives a name, in whatever depth."""
    nodes = list(ast.walk(ast.parse(file.read_text("utf-8"))))
    defined = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    return frozenset(defined | {n.id for n in nodes if isinstance(n, ast.Name)})


def test_a_name_that_is_not_there_is_noticed() -> None:
    assert exists("sjft") and exists("sjft.errors.UserError")
    assert exists("sjft.data.readers.READERS") and exists("sjft.storage.hdf5.Hdf5Writer.add")
    assert not exists("sjft.data.pictures") and not exists("sjft.errors.WrongError")


def test_what_is_named_is_there() -> None:
    missing = [
        f"{path.relative_to(REPOSITORY)}: {name}"
        for path in TEXTS
        for name in re.findall(r"`(sjft(?:\.\w+)+)`", path.read_text("utf-8"))
        if not exists(name)
    ]
    assert len(TEXTS) > 500
    assert missing == []
