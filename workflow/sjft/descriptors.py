"""Descriptor files: per image and channel, how often each level of response occurs.

They depend on the images and the bank alone, so that a source set is decoded and convolved once
for every target and every choice of bins. A file holds one shard of one part of a data set; its
images are numbered within that list (see `sjft.images_table`).
Only levels that occur are kept: for each image and channel, in order, ``occupied_levels`` says how
many of the ``entry`` bytes are its own. A byte's three high bits, plus 1, are the step from the
level before (a channel's first: from -1), its five low bits the count. What does not fit is 0
there, and the next of ``large_step`` and ``large_count``, in the same order (see `sjft.packing`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.hdf5 import Hdf5Writer, RowReader, Variable, config_of, inputs_of, open_hdf5
from sjft.layers import Layer
from sjft.levels import number_of_levels
from sjft.packing import LevelCounts, PackedCounts, unpack
from sjft.settings.bank import LevelGrid

KIND, VERSION = "sjft-descriptors", 3


def write_channels(writer: Hdf5Writer, layers: Sequence[Layer]) -> None:
    """Write which layer each channel belongs to, and how many responses it has."""
    writer.add(
        "layer_of_channel",
        Variable(
            np.array([layer.name for layer in layers for _ in range(layer.kernels)]),
            ("channel",),
            "Name of the layer that the channel belongs to",
        ),
    )
    writer.add(
        "positions",
        Variable(
            np.array([layer.positions for layer in layers for _ in range(layer.kernels)]),
            ("channel",),
            "Responses per image: what a channel's counts sum to",
        ),
    )


def append_images(writer: Hdf5Writer, ids: NDArray[np.int32], packed: PackedCounts) -> None:
    """Append images, given by their numbers in the shard's list, with their counts."""
    writer.add("image", Variable(ids, ("image",), "Number of the image in its shard's list"))
    for name, variable in {
        "occupied_levels": Variable(
            packed.occupied, ("image", "channel"), "Levels that occur: entries of this channel"
        ),
        "entry": Variable(
            packed.entries,
            ("entry",),
            "(step from the channel's level before, first from -1) less 1, times 32, plus the "
            "responses on the level; 0: the next large_step and large_count",
        ),
        "large_step": Variable(packed.large_steps, ("large entry",), "The step itself", "level"),
        "large_count": Variable(
            packed.large_counts, ("large entry",), "The number of responses itself", "responses"
        ),
    }.items():
        writer.add(name, replace(variable, compressed_here=True))


class DescriptorFile:
    """An open descriptor file: what it says of itself, and its counts in blocks of images."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        """Read the small data sets of a file whose format has been checked."""
        self._file = file
        self.path = path
        self.config = config_of(file)
        self.weights = inputs_of(file).get("weights", "")
        self.digest = str(file.attrs["digest"])
        self.grid = LevelGrid.model_validate(self.config["grid"])
        self.images: NDArray[np.int32] = file["image"][:]
        self.layer_of_channel = [name.decode() for name in file["layer_of_channel"][:]]
        self.positions: NDArray[np.int64] = file["positions"][:]

    @property
    def bank(self) -> dict[str, Any]:
        """The settings and weights that decided the responses: files must agree on them."""
        return {**self.config, "digest_of_weights": self.weights}

    def blocks(self, images: int) -> Iterator[LevelCounts]:
        """Yield (occupied levels [images, channels], levels, counts) of so many images a time.

        Raises `UserError` where the counts are not those of a file of this grid.
        """
        start = large = 0
        entries_of = RowReader(self._file["entry"])
        for row in range(0, len(self.images), images):
            occupied = self._file["occupied_levels"][row : row + images]
            end = start + int(occupied.sum(dtype=np.int64))
            entries = entries_of(start, end)
            next_large = large + int((entries == 0).sum())
            packed = PackedCounts(
                *(occupied, entries),
                self._file["large_step"][large:next_large],
                self._file["large_count"][large:next_large],
            )
            yield self._checked(packed)
            start, large = end, next_large

    def _checked(self, packed: PackedCounts) -> LevelCounts:
        damaged = f"{self.path}: its entries do not fit its grid. Remove the file and run again."
        try:
            counted = unpack(packed)
        except ValueError:
            raise UserError(damaged) from None
        if counted[1].max(initial=0) >= number_of_levels(self.grid):
            raise UserError(damaged)
        return counted


@contextmanager
def open_descriptors(path: Path) -> Iterator[DescriptorFile]:
    """Open a descriptor file for reading; raises `UserError` for anything else."""
    with open_hdf5(path, kind=KIND, version=VERSION) as file:
        yield DescriptorFile(path, file)


def require_same_bank(file: DescriptorFile, bank: dict[str, Any], other: Path) -> None:
    """Raise `UserError` where a descriptor file was made with another bank than ``other`` was."""
    different = [key for key in {**bank, **file.bank} if bank.get(key) != file.bank.get(key)]
    if different:
        key = min(different)
        raise UserError(
            f"{file.path}: was made with another bank than {other}: {key} is "
            f"{file.bank.get(key)!r} here and {bank.get(key)!r} there. Remove the older and run "
            "again."
        )
