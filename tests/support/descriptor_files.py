"""Dense counts, packed one by one, for the descriptor files that tests write."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sjft.descriptors.packing import PackedCounts
from sjft.settings.bank import LevelGrid

# 37 levels: small enough to write counts down one by one.
SMALL_GRID = LevelGrid(lowest_octave=-2, highest_octave=2, levels_per_octave=4)
WriteDescriptors = Callable[..., Path]


def packed_slowly(counts: np.ndarray) -> PackedCounts:
    """Pack dense counts [images, channels, levels] one by one (`sjft.descriptors.packing`)."""
    entries, large_steps, large_counts = [], [], []
    for channel in counts.reshape(-1, counts.shape[-1]):
        before = -1
        for level in np.flatnonzero(channel):
            step, count = int(level) - before, int(channel[level])
            before = int(level)
            small = step <= 8 and count <= 31
            entries.append(32 * (step - 1) + count if small else 0)
            if not small:
                large_steps.append(step)
                large_counts.append(count)
    return PackedCounts(
        (counts > 0).sum(axis=2).astype(np.uint16),
        np.array(entries, np.uint8),
        np.array(large_steps, np.uint16),
        np.array(large_counts, np.uint32),
    )
