"""Descriptor files: per image and channel, how often each level of response occurs.

They depend on the images and the bank alone, so that a source set is decoded and convolved once
for every target and every choice of bins. A file holds one shard of one part of a data set; its
images are numbered within that list (see `sjft.data.table`).
Only levels that occur are kept: for each image and channel, in order, ``occupied_levels`` says how
many of the ``entry`` bytes are its own. A byte's three high bits, plus 1, are the step from the
level before (a channel's first: from -1), its five low bits the count. What does not fit is 0
there, and the next of ``large_step`` and ``large_count``, in the same order (see
`sjft.descriptors.packing`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sjft.descriptors.layer import Layer
from sjft.descriptors.levels import every_level
from sjft.descriptors.packing import PackedCounts, add_up
from sjft.errors import UserError
from sjft.settings.banks.common import LevelGrid
from sjft.storage.chunks import RowReader
from sjft.storage.hdf5 import Hdf5Writer, Variable, config_of, inputs_of, open_hdf5

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

    def blocks(
        self,
        images: int,
        place_of_level: NDArray[np.uint16],
        places: int,
        kind: type[np.integer[Any]],
    ) -> Iterator[NDArray[np.integer[Any]]]:
        """Yield counts [images, channels, places] of so many images a time, in their order.

        ``place_of_level`` uint16 [channels, levels]: what each level is counted as. Raises
        `UserError` where the file's entries are not those of its grid.
        """
        for packed in self._packed(images):
            counts = np.zeros((*packed.occupied.shape, places), kind)
            self._add_up(packed, place_of_level, counts)
            yield counts

    def mass(self, images: int) -> NDArray[np.int64]:
        """Counts of all images together, int64 [channels, levels], read so many images a time.

        Raises `UserError` as `blocks` does.
        """
        levels = every_level(len(self.positions), self.grid)
        mass = np.zeros(levels.shape, np.int64)
        for packed in self._packed(images):
            self._add_up(packed, levels, mass[None])
        return mass

    def _packed(self, images: int) -> Iterator[PackedCounts]:
        occupied, entries, large_steps, large_counts = (
            RowReader(self._file[name])
            for name in ("occupied_levels", "entry", "large_step", "large_count")
        )
        start = large = 0
        for row in range(0, len(self.images), images):
            of_block = occupied(row, min(row + images, len(self.images)))
            end = start + int(of_block.sum(dtype=np.int64))
            entries_here = entries(start, end)
            next_large = large + len(entries_here) - int(np.count_nonzero(entries_here))
            yield PackedCounts(
                *(of_block, entries_here),
                *(large_steps(large, next_large), large_counts(large, next_large)),
            )
            start, large = end, next_large

    def _add_up(
        self,
        packed: PackedCounts,
        place_of_level: NDArray[np.uint16],
        sums: NDArray[np.integer[Any]],
    ) -> None:
        try:
            add_up(packed, place_of_level, sums)
        except ValueError:
            raise UserError(
                f"{self.path}: its entries do not fit its grid. Remove the file and run again."
            ) from None


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
