"""Dense counts, packed one by one, for the descriptor files that tests write, and such a file."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from sjft.descriptors.file import KIND, VERSION, append_images, write_channels
from sjft.descriptors.layer import Layer
from sjft.descriptors.packing import PackedCounts
from sjft.settings.bank import LevelGrid
from sjft.storage.hdf5 import create_hdf5

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


def write_small_descriptors(path: Path, images: str = "") -> Path:
    """Six images of three channels with 300 responses each; ``images`` is their state."""
    rng = np.random.default_rng(1)
    counts = rng.multinomial(300, rng.dirichlet(np.full(37, 0.3)), (6, 3))
    config = {"type": "fake", "grid": SMALL_GRID.model_dump()}
    inputs = {"images": images, "weights": ""}
    with create_hdf5(path, kind=KIND, version=VERSION, config=config, inputs=inputs) as w:
        write_channels(w, [Layer("layer0", 3, 300)])
        append_images(w, np.arange(6, dtype=np.int32), packed_slowly(counts))
    return path
