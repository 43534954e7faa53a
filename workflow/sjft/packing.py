"""Level counts as one byte each, which compress well and are read fast.

Levels become steps from the level before (a channel's first: from -1). A step of at most 8 and a
count of at most 31 share a byte: the step less 1 in its three high bits, the count in the five low
ones. Whatever is larger is a byte of 0, and both its numbers are the next of the lists of large
ones. One byte instead of two is half of the work for whoever compresses, reads or digests them.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

COUNT_BITS = 5
LARGEST_STEP, LARGEST_COUNT = 8, 31
# Occupied levels int32 [images, channels]; and, one after the other in the order of images and
# channels, the levels that occur, ascending, and how often each does.
LevelCounts = tuple[NDArray[np.int32], NDArray[np.uint16], NDArray[np.uint32]]


@dataclass(frozen=True)
class PackedCounts:
    """Entries of some images, one after the other in the order of images and channels.

    ``occupied`` uint16 [images, channels]: entries of each. ``entries`` uint8 [entries].
    ``large_steps`` uint16 and ``large_counts`` uint32, both [large]: what takes the place of zeros.
    """

    occupied: NDArray[np.uint16]
    entries: NDArray[np.uint8]
    large_steps: NDArray[np.uint16]
    large_counts: NDArray[np.uint32]


def unpack(packed: PackedCounts) -> LevelCounts:
    """The levels and counts; raises `ValueError` where the parts do not fit each other."""
    occupied = packed.occupied.astype(np.int32)
    entries = packed.entries
    large = len(entries) - int(np.count_nonzero(entries))
    if not len(packed.large_steps) == len(packed.large_counts) == large:
        raise ValueError("there are more or fewer large numbers than places for them")
    if int(occupied.sum(dtype=np.int64)) != len(entries):
        raise ValueError("there are more or fewer entries than the channels have")
    levels, counts = np.empty(len(entries), np.uint16), np.empty(len(entries), np.uint32)
    _unpack(
        *(occupied.reshape(-1), entries, packed.large_steps, packed.large_counts),
        *(levels, counts),
    )
    if not counts.all():
        raise ValueError("there is an entry without a count")
    return occupied, levels, counts


@numba.njit(cache=True, nogil=True)
def _unpack(
    occupied: NDArray[np.int32],
    entries: NDArray[np.uint8],
    large_steps: NDArray[np.uint16],
    large_counts: NDArray[np.uint32],
    levels: NDArray[np.uint16],
    counts: NDArray[np.uint32],
) -> None:
    # Unsigned indices: for others numba looks whether they are negative.
    entry = large = np.uint64(0)
    for number in occupied:
        level = np.uint16(65535)  # -1: one step more is 0
        for _ in range(number):
            packed = entries[entry]
            if packed:
                level += np.uint16((packed >> COUNT_BITS) + 1)
                counts[entry] = packed & LARGEST_COUNT
            else:
                level += large_steps[large]
                counts[entry] = large_counts[large]
                large += np.uint64(1)
            levels[entry] = level
            entry += np.uint64(1)
