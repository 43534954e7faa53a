"""Tests in several worker processes (pytest-xdist): their order, their threads, what they share.

A plug-in of pytest, which tests/conftest.py names. In a single process it changes nothing.
"""

import compileall
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numba
import pytest
import torch

from sjft.loading import look_for_garbage, put_off_garbage

LIBRARY = Path(__file__).parents[2] / "workflow"
CLUSTER = "slurm"  # the fixture
# How many workers there are, in a worker.
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0"))


def pytest_configure() -> None:
    """Look for no garbage while tests are collected, which loads all that there is.

    Share the cores, or each worker's threads would wait for those of the others.

    The library is compiled before: many tests run copies of it, which would all compile their own.
    """
    put_off_garbage()
    if WORKERS:
        threads = max(1, (os.cpu_count() or 1) // WORKERS)
        torch.set_num_threads(threads)
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    elif not sys.dont_write_bytecode:
        compileall.compile_dir(LIBRARY, quiet=1)


def pytest_collection_finish() -> None:
    """From here on there is garbage."""
    look_for_garbage()


@pytest.hookimpl(trylast=True)  # once all markers are there
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, so that no worker is left alone with one of them.

    First of all those that wait for a cluster: the cores are the other workers' meanwhile.
    """
    if not WORKERS:
        return
    weight: dict[Path, int] = {}
    for item in items:
        of_item = 2 * _has(item, "workflow") + _has(item, "slow") + 4 * (CLUSTER in _fixtures(item))
        weight[item.path] = max(of_item, weight.get(item.path, 0))
    items.sort(key=lambda item: -weight[item.path])


def _has(item: pytest.Item, marker: str) -> bool:
    return item.get_closest_marker(marker) is not None


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that the first worker to ask for it makes; each worker has a copy of its own."""
    own = factory.getbasetemp() / name
    if not WORKERS:
        make(own)
        return own
    first = factory.getbasetemp().parent / name
    done = first.with_suffix(".made")
    with first.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(first, ignore_errors=True)  # what could not be made whole
            make(first)
            done.touch()
    shutil.copytree(first, own, symlinks=True)
    return own
