"""Gathering against numpy's boolean index, on this processor and on the oldest."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from sjft.descriptors.nonzero import NUMBERS_AT_ONCE, append_nonzero

KINDS = [np.uint32, np.uint64]


@numba.njit
def gather(numbers: np.ndarray, gathered: np.ndarray) -> np.uint64:
    found = np.uint64(0)
    for first in range(np.uint64(0), np.uint64(len(numbers)), np.uint64(NUMBERS_AT_ONCE)):
        found += append_nonzero(numbers, first, gathered, found)
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_the_numbers_that_are_not_0_are_gathered_in_order(kind: type, share: float) -> None:
    rng = np.random.default_rng(5)
    largest = np.iinfo(kind).max
    numbers = rng.integers(1, largest, 10 * NUMBERS_AT_ONCE, dtype=kind, endpoint=True)
    numbers[rng.random(len(numbers)) >= share] = 0
    gathered = np.zeros(len(numbers) + NUMBERS_AT_ONCE, kind)
    found = gather(numbers, gathered)
    assert gathered[:found].tolist() == numbers[numbers != 0].tolist()


@pytest.mark.slow
def test_counting_is_the_same_on_a_processor_without_the_instruction() -> None:
    tests = [
        "tests/descriptors/test_counting.py",
        "tests/descriptors/test_nonzero.py",
        "-k",
        "not without_the_instruction",
    ]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        env={**os.environ, "NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    assert " passed" in run.stdout
