"""Finished runs that several test files look at, and a copy in which nothing has run."""

from pathlib import Path

import pytest
from chain import Chain, copy_workflow
from parallel_workers import made_once
from tiny_runs import TARGETS


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A finished run of the tiny experiments. Tests leave its files as they find them."""
    folder = made_once(tmp_path_factory, "chain", lambda root: copy_workflow(root).make(*TARGETS))
    return Chain(folder)


@pytest.fixture
def fresh(tmp_path: Path) -> Chain:
    """A copy of the workflow in which nothing has run yet."""
    return copy_workflow(tmp_path / "fresh")
