"""Extraction: from the images of one shard to their descriptors."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset

from sjft.banks import FilterBank
from sjft.descriptors import KIND, VERSION, append_images, write_channels
from sjft.devices import torch_threads, workers
from sjft.errors import BadImageError, UserError
from sjft.hdf5 import create_hdf5
from sjft.images import load_pixels
from sjft.layers import Layer
from sjft.levels import LevelCounts, count_levels, number_of_levels, off_grid_levels
from sjft.progress import progress
from sjft.settings.bank import LevelGrid

Prepare = Callable[[NDArray[np.uint8]], torch.Tensor]  # see `FilterBank`
IMAGES_A_BATCH = 16
IMAGES_A_GPU_BATCH = 64
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Batch:
    """Rows of the list and their pictures, uint8 [images, channels, side, side]; and bad ones."""

    rows: list[int]
    pictures: torch.Tensor
    bad: list[tuple[int, BadImageError]]

    def pin_memory(self) -> "_Batch":
        """The same in page-locked memory, for copying to a GPU."""
        return _Batch(self.rows, self.pictures.pin_memory(), self.bad)


class _PreparedImages(Dataset[_Batch]):
    """The shard's pictures in batches, decoded, resized and cropped; or why one could not be."""

    def __init__(self, paths: Sequence[Path], prepare: Prepare, images_a_batch: int) -> None:
        self._paths = paths
        self._prepare = prepare
        self._starts = range(0, len(paths), images_a_batch)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> _Batch:
        start = self._starts[number]
        pictures: dict[int, torch.Tensor] = {}
        bad: list[tuple[int, BadImageError]] = []
        for row in range(start, min(start + self._starts.step, len(self._paths))):
            try:
                pictures[row] = self._prepare(load_pixels(self._paths[row]))
            except BadImageError as error:
                bad.append((row, error))
        together = torch.stack(list(pictures.values())) if pictures else torch.empty(0)
        return _Batch(list(pictures), together, bad)


@dataclass(frozen=True)
class Extraction:
    """What one extraction job needs to know."""

    bank: FilterBank
    grid: LevelGrid
    config: dict[str, Any]  # the bank's settings, kept in the file
    inputs: dict[str, str]  # digests of images.csv and of the weights
    skip_bad_images: bool
    threads: int = 1


def extract_descriptors(
    images: pl.DataFrame, root: Path, extraction: Extraction, output: Path
) -> pl.DataFrame:
    """Extract the descriptors of ``images`` (one shard's rows of images.csv) into an HDF5 file.

    Returns the skipped images as a table of path and reason. Raises `UserError` for a bad image
    (unless they are skipped), for responses that are not finite, and where all images are bad.
    The file does not depend on the number of processes that load images.
    """
    skipped: list[tuple[str, str]] = []
    processes = workers(extraction.threads, extraction.bank.device)
    with (
        torch_threads(extraction.threads - processes),
        create_hdf5(
            output, kind=KIND, version=VERSION, config=extraction.config, inputs=extraction.inputs
        ) as writer,
    ):
        write_channels(writer, extraction.bank.layers)
        append_images(writer, np.empty(0, np.int32), _no_counts(extraction.bank))
        off_grid = total = written = 0
        is_off_grid = np.zeros(number_of_levels(extraction.grid), bool)
        is_off_grid[list(off_grid_levels(extraction.grid))] = True
        for rows, pictures in _batches(images, root, extraction, processes, skipped):
            counted = _count(pictures, rows, images["path"], extraction)
            append_images(writer, np.array(rows, np.int32), counted)
            written += len(rows)
            levels, counts = counted[1], counted[2]
            off_grid += int(counts[is_off_grid[levels]].sum())
            total += int(counts.sum())
        if len(images) and not written:
            raise UserError(f"{root}: no image of this shard can be used. First: {skipped[:1]}")
    LOG.info("%d images, %d skipped", written, len(skipped))
    if total:
        LOG.info("%.4f %% of the responses lie outside the grid's octaves", 100 * off_grid / total)
    return pl.DataFrame(skipped, schema={"path": pl.String, "reason": pl.String}, orient="row")


def _batches(
    images: pl.DataFrame,
    root: Path,
    extraction: Extraction,
    processes: int,
    skipped: list[tuple[str, str]],
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield (rows, pictures uint8 [images, channels, side, side]) of the usable images."""
    on_gpu = extraction.bank.device.type == "cuda"
    images_a_batch = IMAGES_A_GPU_BATCH if on_gpu else IMAGES_A_BATCH
    paths = [root / path for path in images["path"]]
    loader = DataLoader(
        _PreparedImages(paths, extraction.bank.prepare, images_a_batch),
        batch_size=None,
        num_workers=processes,
        pin_memory=on_gpu,
    )
    for batch in progress(
        loader, total=len(paths), what="descriptors", unit="images", per_item=images_a_batch
    ):
        for row, error in batch.bad:
            if not extraction.skip_bad_images:
                raise error
            LOG.warning("skipped %s: %s", error.path, error.reason)
            skipped.append((images["path"][row], error.reason))
        if batch.rows:
            yield batch.rows, batch.pictures


def _count(
    pictures: torch.Tensor, rows: list[int], paths: pl.Series, extraction: Extraction
) -> LevelCounts:
    """Level counts of a batch, channels of all layers side by side, image by image."""
    counted = []
    too_large = (0, number_of_levels(extraction.grid) - 1)
    for layer, on_device in zip(
        extraction.bank.layers, extraction.bank.responses(pictures), strict=True
    ):
        responses = on_device.cpu()
        counted.append(count_levels(responses.numpy(), extraction.grid))
        # What is not finite is counted as too large: only then is it looked for.
        if any((counted[-1][1] == level).any() for level in too_large):
            _require_finite(responses, layer, rows, paths)
    return _side_by_side(counted)


def _require_finite(
    responses: torch.Tensor, layer: Layer, rows: list[int], paths: pl.Series
) -> None:
    finite = torch.isfinite(responses).flatten(1).all(1)
    if not bool(finite.all()):
        row = rows[int(finite.logical_not().nonzero()[0])]
        raise UserError(
            f"{paths[row]}: layer {layer.name!r} gives responses that are not finite. "
            "Check the bank's weights and its mean and std."
        )


def _no_counts(bank: FilterBank) -> LevelCounts:
    """The counts of no images: a shard of a small part may be empty."""
    channels = sum(layer.kernels for layer in bank.layers)
    return np.empty((0, channels), np.int32), np.empty(0, np.uint16), np.empty(0, np.uint32)


def _side_by_side(counted: Sequence[LevelCounts]) -> LevelCounts:
    """Interleave the layers' lists, so that each image's channels follow each other."""
    occupied = np.concatenate([layer[0] for layer in counted], axis=1)
    ends = [np.cumsum(layer[0].sum(axis=1)) for layer in counted]
    pieces = [
        (layer, slice(int(end[image - 1]) if image else 0, int(end[image])))
        for image in range(len(occupied))
        for layer, end in zip(counted, ends, strict=True)
    ]
    levels = np.concatenate([layer[1][part] for layer, part in pieces])
    counts = np.concatenate([layer[2][part] for layer, part in pieces])
    return occupied, levels, counts
