"""Difficulty: entropies and right or wrong answers."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from small import images_table

from sjft.errors import UserError
from sjft.selection.difficulty import difficulty_table, entropy, read_difficulty, write_difficulty
from sjft.storage.files import write_with_digest

PROBABILITIES = np.array([[0.5, 0.5, 0], [0.1, 0.2, 0.7], [1, 0, 0], [0.2, 0.5, 0.3]], np.float32)
TARGETS = images_table([1, 2, 0, 2])


@example(weights=[1, 10**5])
@given(weights=st.lists(st.integers(0, 1000), min_size=1, max_size=20).filter(any))
def test_entropy_is_that_of_the_definition(weights: list[int]) -> None:
    shares = np.array([weights], np.float32) / np.float32(sum(weights))
    wanted = -sum(float(p) * math.log(float(p)) for p in shares[0] if p > 0)
    found = entropy(shares)
    assert found.dtype == np.float64
    assert found[0] == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("classes", [1, 2, 67])
def test_entropy_lies_between_certain_and_uniform(classes: int) -> None:
    certain = np.eye(classes, dtype=np.float32)[:1]
    uniform = np.full((1, classes), 1 / classes, np.float32)
    assert entropy(certain)[0] == 0
    assert entropy(uniform)[0] == pytest.approx(math.log(classes), abs=1e-6)


def test_the_table_says_who_is_right_and_how_sure() -> None:
    table = difficulty_table(TARGETS, PROBABILITIES)
    assert table["image"].to_list() == [0, 1, 2, 3]
    assert table["predicted"].to_list() == [0, 2, 0, 1]
    assert table["correct"].to_list() == [False, True, True, False]
    np.testing.assert_allclose(table["probability"], [0.5, 0.7, 1, 0.3], rtol=1e-6)
    np.testing.assert_allclose(table["entropy"], entropy(PROBABILITIES))


def test_a_file_gives_back_the_table(tmp_path: Path) -> None:
    table = difficulty_table(TARGETS, PROBABILITIES)
    write_difficulty(tmp_path / "d.csv", table)
    found = read_difficulty(tmp_path / "d.csv")
    assert found.equals(table)
    assert found.schema == table.schema


def test_another_table_is_refused(tmp_path: Path) -> None:
    write_with_digest(tmp_path / "d.csv", b"image,path\n0,a\n")
    with pytest.raises(UserError, match="expected image, path, label, predicted"):
        read_difficulty(tmp_path / "d.csv")
