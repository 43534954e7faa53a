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

from sjft.data.pixels import USUAL_LIMITS, load_pixels
from sjft.descriptors.banks.bank import FilterBank
from sjft.descriptors.counting import Counted, LevelCounter
from sjft.descriptors.file import KIND, VERSION, append_images, write_channels
from sjft.descriptors.layer import Layer
from sjft.descriptors.packing import PackedCounts
from sjft.errors import BadImageError, UserError
from sjft.networks.devices import torch_threads, workers
from sjft.progress import progress
from sjft.settings.banks.common import LevelGrid
from sjft.settings.image_limits import ImageLimits
from sjft.storage.hdf5 import create_hdf5

Prepare = Callable[[NDArray[np.uint8]], torch.Tensor]  # see `FilterBank`
IMAGES_A_BATCH = 8
IMAGES_A_GPU_BATCH = 64
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Batch:
    """Rows of the list and their images, uint8 [images, side, side, channels]; and bad ones."""

    rows: list[int]
    pixels: torch.Tensor
    bad: list[tuple[int, BadImageError]]

    def pin_memory(self) -> "_Batch":
        """The same in page-locked memory, for copying to a GPU."""
        return _Batch(self.rows, self.pixels.pin_memory(), self.bad)


class _PreparedImages(Dataset[_Batch]):
    """The shard's images in batches, decoded, resized and cropped; or why one could not be."""

    def __init__(
        self, paths: Sequence[Path], prepare: Prepare, images_a_batch: int, limits: ImageLimits
    ) -> None:
        self._paths = paths
        self._prepare = prepare
        self._limits = limits
        self._starts = range(0, len(paths), images_a_batch)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> _Batch:
        start = self._starts[number]
        pixels: dict[int, torch.Tensor] = {}
        bad: list[tuple[int, BadImageError]] = []
        for row in range(start, min(start + self._starts.step, len(self._paths))):
            try:
                pixels[row] = self._prepare(load_pixels(self._paths[row], limits=self._limits))
            except BadImageError as error:
                bad.append((row, error))
        together = torch.stack(list(pixels.values())) if pixels else torch.empty(0)
        return _Batch(list(pixels), together, bad)


@dataclass(frozen=True)
class Extraction:
    """What one extraction job needs to know."""

    bank: FilterBank
    grid: LevelGrid
    config: dict[str, Any]  # the bank's settings, kept in the file
    inputs: dict[str, str]  # digests of images.csv and of the weights
    skip_bad_images: bool
    threads: int = 1
    limits: ImageLimits = USUAL_LIMITS
    part: str = "train"


def extract_descriptors(
    images: pl.DataFrame, root: Path, extraction: Extraction, output: Path
) -> pl.DataFrame:
    """Extract the descriptors of ``images`` (one shard's rows of images.csv) into an HDF5 file.

    Returns the skipped images as a table of path and reason. Raises `UserError` for a bad image
    (unless they are skipped), for responses of other shapes than the bank's layers tell or that are
    not finite, and where all training images of the shard are bad.
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
        off_grid = written = 0
        images_a_batch = _images_a_batch(extraction.bank)
        counter = LevelCounter(extraction.bank.layers, extraction.grid, images_a_batch)
        for rows, pixels in _batches(images, root, extraction, processes, skipped):
            counted = _counted(pixels, rows, images["path"], extraction.bank, counter)
            append_images(writer, np.array(rows, np.int32), counted.packed)
            written += len(rows)
            off_grid += counted.too_small + counted.too_large
        # A few held-out images can all be bad; without training images nothing can be found.
        if len(images) and not written and extraction.part == "train":
            path, reason = skipped[0]
            raise UserError(
                f"{root}: no image of this shard can be used: {path} {reason}, and {len(images)} "
                "are bad in all. Mend or remove them, or set fewer `shards` for the data set."
            )
    LOG.info("%d images, %d skipped", written, len(skipped))
    if written:
        an_image = sum(layer.kernels * layer.positions for layer in extraction.bank.layers)
        share = off_grid / (written * an_image)
        LOG.info("%.4f %% of the responses lie outside the grid's octaves", 100 * share)
    return pl.DataFrame(skipped, schema={"path": pl.String, "reason": pl.String}, orient="row")


def _batches(
    images: pl.DataFrame,
    root: Path,
    extraction: Extraction,
    processes: int,
    skipped: list[tuple[str, str]],
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield (rows, pixels uint8 [images, side, side, channels]) of the usable images."""
    images_a_batch = _images_a_batch(extraction.bank)
    paths = [root / path for path in images["path"]]
    loader = DataLoader(
        _PreparedImages(paths, extraction.bank.prepare, images_a_batch, extraction.limits),
        batch_size=None,
        num_workers=processes,
        pin_memory=_on_gpu(extraction.bank),
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
            yield batch.rows, batch.pixels


def _on_gpu(bank: FilterBank) -> bool:
    return bank.device.type == "cuda"


def _images_a_batch(bank: FilterBank) -> int:
    return IMAGES_A_GPU_BATCH if _on_gpu(bank) else IMAGES_A_BATCH


def _counted(
    pixels: torch.Tensor,
    rows: list[int],
    paths: pl.Series,
    bank: FilterBank,
    counter: LevelCounter,
) -> Counted:
    """Counts of the responses of a batch, channels of all layers side by side, image by image."""
    given = bank.responses(pixels)
    _require_shapes(given, bank.layers, len(rows))
    responses = [of_layer.cpu() for of_layer in given]
    # What is not finite is counted as too large: only then is it looked for.
    if counter.add([of_layer.numpy() for of_layer in responses]):
        for layer, of_layer in zip(bank.layers, responses, strict=True):
            _require_finite(of_layer, layer, rows, paths)
    return counter.take()


def _require_shapes(
    responses: Sequence[torch.Tensor], layers: Sequence[Layer], images: int
) -> None:
    """Raise `UserError` for other shapes than a bank's layers tell: counting looks no more."""
    given = [tuple(of_layer.shape) for of_layer in responses]
    told = [(images, layer.kernels, layer.positions) for layer in layers]
    if given != told:
        raise UserError(
            f"The bank gives responses of the shapes {_listed(given)} for {images} images, and its "
            f"layers {', '.join(repr(layer.name) for layer in layers)} tell of {_listed(told)}: "
            "images, kernels, positions. Mend its `responses` or its `layers`."
        )


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(map(str, map(list, shapes))) or "none"


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


def _no_counts(bank: FilterBank) -> PackedCounts:
    """The counts of no images: a shard of a small part may be empty."""
    channels = sum(layer.kernels for layer in bank.layers)
    nothing = np.empty(0, np.uint8)
    occupied = np.empty((0, channels), np.uint16)
    return PackedCounts(occupied, nothing, nothing.astype(np.uint16), nothing.astype(np.uint32))
