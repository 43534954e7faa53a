"""Extraction: from the images of one shard to their descriptors."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch.utils.data import DataLoader, Dataset

from sjft.banks import FilterBank
from sjft.descriptors import KIND, VERSION, append_images, write_channels
from sjft.errors import BadImageError, UserError
from sjft.hdf5 import create_hdf5
from sjft.images import load_pixels
from sjft.levels import LevelCounts, count_levels, off_grid_levels
from sjft.progress import progress
from sjft.settings.bank import LevelGrid

IMAGES_A_BATCH = 16
LOG = logging.getLogger(__name__)


class _PreparedImages(Dataset[tuple[int, torch.Tensor | BadImageError]]):
    """The shard's pictures, decoded, resized and cropped; or why one could not be."""

    def __init__(self, paths: Sequence[Path], bank: FilterBank) -> None:
        self._paths = paths
        self._bank = bank

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> tuple[int, torch.Tensor | BadImageError]:
        try:
            return row, self._bank.prepare(load_pixels(self._paths[row]))
        except BadImageError as error:
            return row, error


@dataclass(frozen=True)
class Extraction:
    """What one extraction job needs to know."""

    bank: FilterBank
    grid: LevelGrid
    config: dict[str, Any]  # the bank's settings, kept in the file
    inputs: dict[str, str]  # digests of images.csv and of the weights
    skip_bad_images: bool


def extract_descriptors(
    images: pl.DataFrame, root: Path, extraction: Extraction, output: Path
) -> pl.DataFrame:
    """Extract the descriptors of ``images`` (one shard's rows of images.csv) into an HDF5 file.

    Returns the skipped images as a table of path and reason. Raises `UserError` for a bad image
    (unless they are skipped), for responses that are not finite, and where all images are bad.
    """
    skipped: list[tuple[str, str]] = []
    with create_hdf5(
        output, kind=KIND, version=VERSION, config=extraction.config, inputs=extraction.inputs
    ) as writer:
        write_channels(writer, extraction.bank.layers)
        append_images(writer, np.empty(0, np.int32), _no_counts(extraction.bank))
        off_grid = total = written = 0
        for rows, pictures in _batches(images, root, extraction, skipped):
            counted = _count(pictures, rows, images["path"], extraction)
            append_images(writer, np.array(rows, np.int32), counted)
            written += len(rows)
            levels, counts = counted[1], counted[2]
            off_grid += int(counts[np.isin(levels, off_grid_levels(extraction.grid))].sum())
            total += int(counts.sum())
        if len(images) and not written:
            raise UserError(f"{root}: no image of this shard can be used. First: {skipped[:1]}")
    LOG.info("%d images, %d skipped", written, len(skipped))
    if total:
        LOG.info("%.4f %% of the responses lie outside the grid's octaves", 100 * off_grid / total)
    return pl.DataFrame(skipped, schema={"path": pl.String, "reason": pl.String}, orient="row")


def _batches(
    images: pl.DataFrame, root: Path, extraction: Extraction, skipped: list[tuple[str, str]]
) -> Iterator[tuple[list[int], torch.Tensor]]:
    """Yield (rows, pictures uint8 [images, channels, side, side]) of the usable images."""
    paths = [root / path for path in images["path"]]
    loader = DataLoader(
        _PreparedImages(paths, extraction.bank),
        batch_size=IMAGES_A_BATCH,
        collate_fn=list,
        num_workers=0,
    )
    for batch in progress(
        loader, total=len(paths), what="descriptors", unit="images", per_item=IMAGES_A_BATCH
    ):
        usable = []
        for row, picture in batch:
            if not isinstance(picture, BadImageError):
                usable.append((row, picture))
            elif extraction.skip_bad_images:
                LOG.warning("skipped %s: %s", picture.path, picture.reason)
                skipped.append((images["path"][row], picture.reason))
            else:
                raise picture
        if usable:
            yield [row for row, _ in usable], torch.stack([picture for _, picture in usable])


def _count(
    pictures: torch.Tensor, rows: list[int], paths: pl.Series, extraction: Extraction
) -> LevelCounts:
    """Level counts of a batch, channels of all layers side by side, image by image."""
    counted = []
    for layer, responses in zip(
        extraction.bank.layers, extraction.bank.responses(pictures), strict=True
    ):
        finite = torch.isfinite(responses).flatten(1).all(1)
        if not bool(finite.all()):
            row = rows[int(finite.logical_not().nonzero()[0])]
            raise UserError(
                f"{paths[row]}: layer {layer.name!r} gives responses that are not finite. "
                "Check the bank's weights and its mean and std."
            )
        counted.append(count_levels(responses.numpy(), extraction.grid))
    return _side_by_side(counted)


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
