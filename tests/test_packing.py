"""Packed counts against bytes written out in plain Python."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import packed_slowly
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sjft.packing import PackedCounts, unpack

SMALL_OR_LARGE = st.sampled_from([0, 0, 0, 1, 2, 30, 31, 32, 33, 255, 256, 70_000])
# 600 levels: steps of more than 255 between those that occur.
COUNTS = hnp.arrays(np.int64, (2, 3, 600), elements=SMALL_OR_LARGE, fill=st.just(0))


def example() -> PackedCounts:
    counts = np.zeros((1, 2, 600), np.int64)
    counts[0, 0, [0, 8, 9, 500]] = 1, 31, 32, 2
    counts[0, 1, [2, 11]] = 4, 70_000
    return packed_slowly(counts)


def test_a_small_step_and_a_small_count_share_a_byte_and_others_stand_in_lists() -> None:
    packed = example()
    assert packed.occupied.tolist() == [[4, 2]]
    assert packed.entries.tolist() == [1, 7 * 32 + 31, 0, 0, 2 * 32 + 4, 0]
    assert packed.large_steps.tolist() == [1, 491, 9]
    assert packed.large_counts.tolist() == [32, 2, 70_000]
    occupied, levels, counts = unpack(packed)
    assert occupied.tolist() == [[4, 2]]
    assert levels.tolist() == [0, 8, 9, 500, 2, 11]
    assert counts.tolist() == [1, 31, 32, 2, 4, 70_000]


@given(counts=COUNTS)
def test_packed_counts_come_back_as_they_were(counts: np.ndarray) -> None:
    occupied, levels, found = unpack(packed_slowly(counts))
    assert (occupied.dtype, levels.dtype, found.dtype) == (np.int32, np.uint16, np.uint32)
    assert (occupied == (counts > 0).sum(axis=2)).all()
    assert (levels == np.nonzero(counts)[2]).all()
    assert (found == counts[counts > 0]).all()


@pytest.mark.parametrize("name", ["entries", "large_steps", "large_counts"])
def test_parts_that_do_not_fit_each_other_are_refused(name: str) -> None:
    packed = example()
    for change in (lambda part: part[:-1], lambda part: np.append(part, part[-1])):
        with pytest.raises(ValueError, match="more or fewer"):
            unpack(replace(packed, **{name: change(getattr(packed, name))}))


def test_an_entry_without_a_count_is_refused() -> None:
    packed = example()
    packed.entries[0] = 32
    with pytest.raises(ValueError, match="without a count"):
        unpack(packed)
