"""Tests lie as the library's packages do, and share what lies in tests/support alone."""

import ast
from pathlib import Path

import pytest

import sjft

TESTS = Path(__file__).parent
# Beside the folders of the packages: whole runs, the pages, the benchmarks, and what tests share.
OTHERS = {"workflow", "documents", "benchmarks", "support", "support/job_faults"}
FILES = sorted(path for path in TESTS.rglob("*.py"))


def test_each_folder_is_that_of_a_package() -> None:
    library = Path(sjft.__file__).parent
    packages = {str(p.parent.relative_to(library)) for p in library.rglob("*/__init__.py")}
    folders = {str(path.parent.relative_to(TESTS)) for path in FILES} - {"."} - OTHERS
    assert folders <= packages


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(TESTS)))
def test_a_file_imports_no_test_file_and_can_be_read_in_one_go(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    names = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names.append(node.module or ".")
    assert not [name for name in names if name.startswith(("test_", "tests.", "conftest", "."))]
    assert len(text.splitlines()) <= 400
