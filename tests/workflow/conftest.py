"""Finished runs that several test files look at, and a copy in which nothing has run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from chain import Chain, copy_all, copy_workflow, keep_compiled
from parallel_workers import made_once
from slurm_cluster import Cluster, missing, running_cluster
from tiny_runs import TARGETS
from two_sources import RESULT, SUBSETS, configuration, save_data


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A finished run of the tiny experiments. Tests leave its files as they find them."""

    def make(root: Path) -> None:
        made = copy_workflow(root)
        made.make(*TARGETS)
        keep_compiled(made)

    return Chain(made_once(tmp_path_factory, "chain", make))


@pytest.fixture(scope="session")
def both(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """A finished run with two sources. Tests leave its files as they find them."""

    def make(root: Path) -> None:
        made = copy_workflow(root)
        made.configure(configuration)
        save_data(made.root / "data")
        made.make(RESULT, *SUBSETS)

    return Chain(made_once(tmp_path_factory, "both", make))


@pytest.fixture
def changed(both: Chain, tmp_path: Path) -> Chain:
    """A copy of it, whose images a test may change."""
    return copy_all(both, tmp_path / "changed")


@pytest.fixture
def fresh(tmp_path: Path) -> Chain:
    """A copy of the workflow in which nothing has run yet."""
    return copy_workflow(tmp_path / "fresh")


@pytest.fixture(scope="module")
def slurm() -> Iterator[Cluster]:
    """A Slurm of two nodes; tests that ask for it are skipped where there can be none."""
    pytest.importorskip(
        "snakemake_executor_plugin_slurm", reason="it is missing: pip install '.[slurm]'"
    )
    if reason := missing():
        pytest.skip(reason)
    with running_cluster() as running:
        yield running
