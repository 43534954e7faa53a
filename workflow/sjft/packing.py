"""Level counts as small numbers, which compress well and are read fast.

Levels become steps from the level before (a channel's first: from -1), and both steps and counts
are kept in 8 bits. A step or count of more than 255 is 0 there, and the next number of the list
of large ones.
"""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.levels import LevelCounts

LARGEST = 255


@dataclass(frozen=True)
class PackedCounts:
    """Entries of some images, one after the other in the order of images and channels.

    ``occupied`` uint16 [images, channels]: entries of each. ``steps``, ``counts`` uint8 [entries].
    ``large_steps`` uint16, ``large_counts`` uint32: what takes the place of their zeros.
    """

    occupied: NDArray[np.uint16]
    steps: NDArray[np.uint8]
    counts: NDArray[np.uint8]
    large_steps: NDArray[np.uint16]
    large_counts: NDArray[np.uint32]


def pack(counted: LevelCounts) -> PackedCounts:
    """Pack lists of levels and counts; `unpack` gives them back."""
    occupied, levels, counts = counted
    steps = _steps(occupied.reshape(-1), levels)
    large_steps, large_counts = steps > LARGEST, counts > LARGEST
    return PackedCounts(
        occupied.astype(np.uint16),
        np.where(large_steps, 0, steps).astype(np.uint8),
        np.where(large_counts, 0, counts).astype(np.uint8),
        steps[large_steps],
        counts[large_counts],
    )


def unpack(packed: PackedCounts) -> LevelCounts:
    """The lists that were packed; raises `ValueError` where the parts do not fit each other."""
    occupied = packed.occupied.astype(np.int32)
    lengths = {int(occupied.sum()), len(packed.steps), len(packed.counts)}
    zeros = [len(part) - np.count_nonzero(part) for part in (packed.steps, packed.counts)]
    if len(lengths) > 1 or zeros != [len(packed.large_steps), len(packed.large_counts)]:
        raise ValueError("there are more or fewer entries than there should be")
    counts = packed.counts.astype(np.uint32)
    counts[packed.counts == 0] = packed.large_counts
    steps = packed.steps.astype(np.uint16)
    steps[packed.steps == 0] = packed.large_steps
    return occupied, _levels(occupied.reshape(-1), steps), counts


@numba.njit(cache=True, nogil=True)
def _steps(occupied: NDArray[np.int32], levels: NDArray[np.uint16]) -> NDArray[np.uint16]:
    steps = np.empty(len(levels), np.uint16)
    entry = 0
    for number in occupied:
        before = -1
        for _ in range(number):
            steps[entry] = levels[entry] - before
            before = int(levels[entry])
            entry += 1
    return steps


@numba.njit(cache=True, nogil=True)
def _levels(occupied: NDArray[np.int32], steps: NDArray[np.uint16]) -> NDArray[np.uint16]:
    levels = np.empty(len(steps), np.uint16)
    entry = 0
    for number in occupied:
        level = -1
        for _ in range(number):
            level += int(steps[entry])
            levels[entry] = level
            entry += 1
    return levels
