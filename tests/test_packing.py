"""Packed counts against steps written out in plain Python."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import as_level_counts
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sjft.packing import PackedCounts, pack, unpack

SMALL_OR_LARGE = st.sampled_from([0, 0, 0, 1, 2, 254, 255, 256, 70_000])
# 600 levels: steps of more than 255 between those that occur.
COUNTS = hnp.arrays(np.int64, (2, 3, 600), elements=SMALL_OR_LARGE, fill=st.just(0))


def example() -> PackedCounts:
    counts = np.zeros((1, 2, 600), np.int64)
    counts[0, 0, [0, 3, 500]] = 1, 300, 2
    counts[0, 1, [255, 257]] = 4, 70_000
    return pack(as_level_counts(counts))


def test_steps_and_counts_over_255_stand_in_lists_of_their_own() -> None:
    packed = example()
    assert packed.occupied.tolist() == [[3, 2]]
    assert packed.steps.tolist() == [1, 3, 0, 0, 2]
    assert packed.counts.tolist() == [1, 0, 2, 4, 0]
    assert packed.large_steps.tolist() == [497, 256]
    assert packed.large_counts.tolist() == [300, 70_000]


@given(counts=COUNTS)
def test_packed_counts_come_back_as_they_were(counts: np.ndarray) -> None:
    counted = as_level_counts(counts)
    for got, wanted in zip(unpack(pack(counted)), counted, strict=True):
        assert got.dtype == wanted.dtype
        assert (got == wanted).all()


@pytest.mark.parametrize("name", ["steps", "counts", "large_steps", "large_counts"])
def test_parts_that_do_not_fit_each_other_are_refused(name: str) -> None:
    packed = example()
    for change in (lambda part: part[:-1], lambda part: np.append(part, part[-1])):
        with pytest.raises(ValueError, match="more or fewer"):
            unpack(replace(packed, **{name: change(getattr(packed, name))}))
