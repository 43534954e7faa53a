"""What several test modules share: small pictures, folders of them, and descriptor files."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from sjft.descriptors.file import KIND, VERSION, append_images, write_channels
from sjft.descriptors.layer import Layer
from sjft.descriptors.packing import PackedCounts
from sjft.settings.bank import LevelGrid
from sjft.storage.hdf5 import create_hdf5

# The examples are the same in every run, and a slow machine does not fail a test.
settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, max_examples=50
)
settings.load_profile("repeatable")

# 37 levels: small enough to write counts down one by one.
SMALL_GRID = LevelGrid(lowest_octave=-2, highest_octave=2, levels_per_octave=4)

WriteDescriptors = Callable[..., Path]


def random_picture(seed: int, size: tuple[int, int] = (20, 16)) -> Image.Image:
    """Return an RGB picture of noise, of the given width and height."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def save_pictures(root: Path, names: Sequence[str]) -> None:
    """Write a picture of its own under each of the names."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        random_picture(seed).save(path)


def touch(root: Path, names: Sequence[str]) -> None:
    """Make an empty file under each of the names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


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


@pytest.fixture
def write_descriptors(tmp_path: Path) -> WriteDescriptors:
    """A function that writes a descriptor file from dense counts [images, channels, levels]."""

    def write(
        name: str,
        counts: np.ndarray,
        *,
        kernels: Sequence[int],
        first_image: int = 0,
        grid: LevelGrid = SMALL_GRID,
        bank: str = "fake",
        weights: str = "",
    ) -> Path:
        path = tmp_path / name
        positions = counts.sum(axis=2)[0]
        starts = np.cumsum([0, *kernels])
        layers = [Layer(f"layer{i}", k, int(positions[starts[i]])) for i, k in enumerate(kernels)]
        with create_hdf5(
            path,
            kind=KIND,
            version=VERSION,
            config={"type": bank, "grid": grid.model_dump()},
            inputs={"weights": weights},
        ) as writer:
            write_channels(writer, layers)
            rows = np.arange(first_image, first_image + len(counts), dtype=np.int32)
            append_images(writer, rows, packed_slowly(counts))
        return path

    return write
