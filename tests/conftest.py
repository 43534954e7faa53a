"""Examples of hypothesis that repeat themselves, and the fixtures that several folders use."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from descriptor_files import SMALL_GRID, WriteDescriptors, packed_slowly
from hypothesis import settings

from sjft.descriptors.file import KIND, VERSION, append_images, write_channels
from sjft.descriptors.layer import Layer
from sjft.settings.bank import LevelGrid
from sjft.storage.hdf5 import create_hdf5

pytest_plugins = ["snakemake_marker", "parallel_workers"]

# The examples are the same in every run, and a slow machine does not fail a test.
settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, max_examples=50
)
settings.load_profile("repeatable")
# Users' processes write through buffers, and what is left in one is lost where nobody flushes it.
os.environ.pop("PYTHONUNBUFFERED", None)


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
