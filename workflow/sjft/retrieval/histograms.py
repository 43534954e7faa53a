"""Histograms over the target's bins: exact sums of the descriptors' level counts."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from sjft.descriptors.file import open_descriptors, require_same_bank
from sjft.errors import UserError
from sjft.progress import progress
from sjft.retrieval.bins import read_bins
from sjft.storage.chunks import RowReader
from sjft.storage.hdf5 import Variable, create_hdf5, inputs_of, open_hdf5

KIND, VERSION = "sjft-histograms", 1
IMAGES_A_BLOCK = 64


@dataclass(frozen=True)
class Histograms:
    """Histograms of some images over one pairing's bins.

    ``images`` int32 [images]: numbers in the shard's list. ``counts`` uint16 or uint32 [images,
    channels, bins], a channel's counts summing to its ``positions``, int64 [channels].
    ``weight`` float64 [channels]: w_c of the divergence.
    """

    images: NDArray[np.int32]
    counts: NDArray[np.uint16] | NDArray[np.uint32]
    positions: NDArray[np.int64]
    weight: NDArray[np.float64]
    digest_of_bins: str
    digest: str

    def take(self, rows: NDArray[np.intp] | slice) -> "Histograms":
        """The histograms of some of the images; of a slice, without copying them."""
        return Histograms(
            *(self.images[rows], self.counts[rows], self.positions, self.weight),
            *(self.digest_of_bins, self.digest),
        )

    def blocks(self, images: int) -> Iterator["Histograms"]:
        """So many images a time, in their order."""
        for start in range(0, len(self.images), images):
            yield self.take(slice(start, start + images))


class HistogramFile:
    """One shard's histograms in an open file: read in blocks, never as a whole."""

    def __init__(self, file: h5py.File, digest_of_bins: str) -> None:
        """Read what is small of a file that `open_histograms` has checked."""
        self._counts = RowReader(file["count"])
        self.images: NDArray[np.int32] = file["image"][:]
        self.positions: NDArray[np.int64] = file["positions"][:]
        self.weight: NDArray[np.float64] = file["weight"][:]
        self.digest_of_bins = digest_of_bins
        self.digest = str(file.attrs["digest"])

    def read(self, rows: slice = slice(None)) -> Histograms:
        """The histograms of some images that follow each other, or of all."""
        start, end, _ = rows.indices(len(self.images))
        counts = self._counts(start, end)
        return Histograms(
            *(self.images[rows], counts, self.positions, self.weight),
            *(self.digest_of_bins, self.digest),
        )

    def blocks(self, images: int) -> Iterator[Histograms]:
        """So many images a time, in their order; each is read when it is asked for."""
        for start in range(0, len(self.images), images):
            yield self.read(slice(start, start + images))


def build_histograms(descriptors: Path, bins_path: Path, output: Path) -> None:
    """Sum a descriptor shard's counts over the bins and write them to ``output``.

    Raises `UserError` where the descriptors were made with another bank than the bins.
    """
    bins = read_bins(bins_path)
    channels, number = bins.edges.shape[0], bins.edges.shape[1] - 1
    kind = np.uint16 if bins.positions.max() <= np.iinfo(np.uint16).max else np.uint32
    with (
        open_descriptors(descriptors) as file,
        create_hdf5(
            output,
            kind=KIND,
            version=VERSION,
            config={"bins": number, "bank": bins.bank},
            inputs={"descriptors": file.digest, "bins": bins.digest},
        ) as writer,
    ):
        require_same_bank(file, bins.bank, bins_path)
        writer.add(
            "image", Variable(file.images, ("image",), "Number of the image in its shard's list")
        )
        writer.add("positions", Variable(bins.positions, ("channel",), "Responses per image"))
        writer.add("weight", Variable(bins.weight, ("channel",), "w_c of the divergence"))
        none = np.zeros((0, channels, number), kind)
        described = Variable(
            none, ("image", "channel", "bin"), "Responses in the bin", "responses", True
        )
        writer.add("count", described)  # there, even where the shard is empty
        total = len(file.images)
        for counts in progress(
            file.blocks(IMAGES_A_BLOCK, bins.bin_of_level(), number, kind),
            total=total,
            what="histograms",
            unit="images",
            per_item=IMAGES_A_BLOCK,
        ):
            writer.add("count", replace(described, values=counts))


@contextmanager
def open_histograms(path: Path, digest_of_bins: str | None = None) -> Iterator[HistogramFile]:
    """Open one shard's histograms for reading in blocks.

    Raises `UserError` for any other file, and where ``digest_of_bins`` is given and the file was
    made with other bins.
    """
    with open_hdf5(path, kind=KIND, version=VERSION) as file:
        bins = inputs_of(file)["bins"]
        if digest_of_bins not in (None, bins):
            raise UserError(
                f"{path}: was made with other bins than the target's now. Remove it and run again."
            )
        yield HistogramFile(file, bins)


def read_histograms(path: Path, digest_of_bins: str | None = None) -> Histograms:
    """Read one shard's histograms as a whole; raises `UserError` as `open_histograms` does."""
    with open_histograms(path, digest_of_bins) as file:
        return file.read()


def rows_of_shards(
    paths: Sequence[Path], numbers: Sequence[NDArray[np.int32]]
) -> NDArray[np.int32]:
    """The rows of images.csv of shards that are joined by `concatenate`, int32 [images].

    ``numbers`` holds, shard by shard, the rows that the shard's own numbers stand for.
    """
    rows = []
    for path, of_shard in zip(paths, numbers, strict=True):
        with open_hdf5(path, kind=KIND, version=VERSION) as file:
            rows.append(of_shard[file["image"][:]])
    return np.concatenate(rows)


def concatenate(shards: Sequence[Histograms]) -> Histograms:
    """Join shards, one after the other; the images are numbered anew, from 0."""
    counts = np.concatenate([shard.counts for shard in shards])
    first = shards[0]
    return Histograms(
        np.arange(len(counts), dtype=np.int32),
        counts,
        *(first.positions, first.weight, first.digest_of_bins, first.digest),
    )
