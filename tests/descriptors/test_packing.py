"""Packed counts against bytes written out in plain Python."""

from dataclasses import replace

import numpy as np
import pytest
from descriptor_files import packed_slowly
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sjft.descriptors.packing import PackedCounts, add_up

SMALL_OR_LARGE = st.sampled_from([0, 0, 0, 1, 2, 30, 31, 32, 33, 255, 256, 70_000])
# 600 levels: steps of more than 255 between those that occur.
COUNTS = hnp.arrays(np.int64, (2, 3, 600), elements=SMALL_OR_LARGE, fill=st.just(0))


def example() -> PackedCounts:
    counts = np.zeros((1, 2, 600), np.int64)
    counts[0, 0, [0, 8, 9, 500]] = 1, 31, 32, 2
    counts[0, 1, [2, 11]] = 4, 70_000
    return packed_slowly(counts)


def each_its_own(counts: np.ndarray) -> np.ndarray:
    return np.tile(np.arange(counts.shape[2], dtype=np.uint16), (counts.shape[1], 1))


def test_a_small_step_and_a_small_count_share_a_byte_and_others_stand_in_lists() -> None:
    packed = example()
    assert packed.occupied.tolist() == [[4, 2]]
    assert packed.entries.tolist() == [1, 7 * 32 + 31, 0, 0, 2 * 32 + 4, 0]
    assert packed.large_steps.tolist() == [1, 491, 9]
    assert packed.large_counts.tolist() == [32, 2, 70_000]


@given(counts=COUNTS, kind=st.sampled_from([np.uint32, np.int64]))
def test_packed_counts_come_back_as_they_were(counts: np.ndarray, kind: type) -> None:
    found, together = np.zeros_like(counts, kind), np.zeros((1, *counts.shape[1:]), kind)
    add_up(packed_slowly(counts), each_its_own(counts), found)
    add_up(packed_slowly(counts), each_its_own(counts), together)
    assert (found == counts).all()
    assert (together == counts.sum(axis=0)).all()


@given(counts=COUNTS, seed=st.integers(0, 9))
def test_levels_are_added_to_their_channel_s_places(counts: np.ndarray, seed: int) -> None:
    places = np.random.default_rng(seed).integers(0, 7, counts.shape[1:]).astype(np.uint16)
    found, wanted = np.zeros((2, 3, 7), np.int64), np.zeros((2, 3, 7), np.int64)
    add_up(packed_slowly(counts), places, found)
    for (image, channel, level), count in np.ndenumerate(counts):
        wanted[image, channel, places[channel, level]] += count
    assert (found == wanted).all()


SUMS = np.zeros((1, 2, 600), np.int64)


@pytest.mark.parametrize("name", ["entries", "large_steps", "large_counts"])
def test_parts_that_do_not_fit_each_other_are_refused(name: str) -> None:
    packed = example()
    for change in (lambda part: part[:-1], lambda part: np.append(part, part[-1])):
        with pytest.raises(ValueError, match="more or fewer"):
            add_up(
                replace(packed, **{name: change(getattr(packed, name))}), each_its_own(SUMS), SUMS
            )


def test_an_entry_without_a_count_is_refused() -> None:
    packed = example()
    packed.entries[0] = 32
    with pytest.raises(ValueError, match="without a count"):
        add_up(packed, each_its_own(SUMS), SUMS)


def test_a_level_that_is_not_there_is_refused() -> None:
    with pytest.raises(ValueError, match="a level that is not there"):
        add_up(example(), each_its_own(SUMS)[:, :500], SUMS)
