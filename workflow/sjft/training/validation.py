"""Validation: how good a network in training is on the target's split `val`, never on `test`.

Each image is seen once, as the middle of what training sees of it: the central square, at the
middle of `training.resize`.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import nn

from sjft.errors import BadImageError, UserError
from sjft.settings.splits import VALIDATION_SPLIT
from sjft.settings.training import TrainingSettings
from sjft.training.augmentation import augmented
from sjft.training.batches import Batch, LabelledImages, Outline
from sjft.training.cache import ImageCache
from sjft.training.loading import load_batches

LOG = logging.getLogger(__name__)
# Of `random_numbers`: the middle of the sizes, the central square, not mirrored.
CENTRAL = np.array([0.5, 0.5, 0.5, 1.0])
NO_LABELS = np.empty(0, np.int64)


def validation_images(images: pl.DataFrame, folder: Path) -> LabelledImages:
    """The rows of images.csv that a round is validated on; raises `UserError` where none are."""
    rows = images.filter(pl.col("split") == VALIDATION_SPLIT)
    if not len(rows):
        raise UserError(
            f"training.keep: {folder} has no image in the split `{VALIDATION_SPLIT}`, by which "
            "`best_on_val` chooses. Give the data set such a split, or set training.keep: last."
        )
    labels = rows["label"].to_numpy().astype(np.int64)
    return LabelledImages([folder / path for path in rows["path"]], labels)


def readable(given: LabelledImages, cache: ImageCache, *, skip_bad: bool) -> LabelledImages:
    """The images that can be used; raises `BadImageError` for one that is not to be skipped."""
    rows = []
    for row, path in enumerate(given.paths):
        try:
            cache.pixels(path)
        except BadImageError as error:
            if not skip_bad:
                raise
            LOG.warning("skipped %s: %s", error.path, error.reason)
        else:
            rows.append(row)
    if not rows:
        raise UserError(f"training.keep: none of the {len(given.paths)} images of `val` is usable.")
    return LabelledImages([given.paths[row] for row in rows], given.labels[rows])


@dataclass(frozen=True)
class CentralSquares:
    """Batches of all images in their order, ``size`` at a time, for `load_batches`."""

    images: LabelledImages
    side: int
    resize: tuple[int, int]
    size: int
    cache: ImageCache

    @property
    def steps(self) -> range:
        """All batches."""
        return range(-(-len(self.images.paths) // self.size))

    def outline(self, step: int, *, pinned: bool = False) -> Outline:
        """See `JointBatches.outline`."""
        part = slice(step * self.size, (step + 1) * self.size)
        paths = list(self.images.paths[part])
        shape = (len(paths), self.side, self.side, 3)
        pixels = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        labels = torch.from_numpy(self.images.labels[part])
        none = torch.from_numpy(NO_LABELS)
        batch = Batch(pixels.permute(0, 3, 1, 2), labels, none, [str(path) for path in paths])
        return Outline(batch, paths, np.tile(CENTRAL, (len(paths), 1)), pixels.numpy())

    def fill(self, outline: Outline, places: slice) -> None:
        """See `JointBatches.fill`."""
        for pixels, path in zip(outline.pixels[places], outline.paths[places], strict=True):
            pixels[:] = augmented(self.cache.pixels(path), self.side, self.resize, CENTRAL)


@dataclass(frozen=True)
class Validation:
    """The split `val`, and how it is looked at; ``classes`` is the number of the target's."""

    images: LabelledImages
    classes: int
    settings: TrainingSettings
    cache: ImageCache
    threads: int
    device: torch.device

    def accuracy(self, module: nn.Module) -> float:
        """The mean of the classes' accuracies; the network is left in the modes that it was in."""
        modes = [(each, each.training) for each in module.modules()]
        module.eval()
        try:
            predicted = np.concatenate(list(self._predicted(module)))
        finally:
            for each, mode in modes:
                each.training = mode
        return mean_class_accuracy(predicted, self.images.labels)

    @torch.inference_mode()
    def _predicted(self, module: nn.Module) -> Iterator[NDArray[np.int64]]:
        size = self.settings.target_batch + self.settings.sources
        squares = CentralSquares(
            *(self.images, self.settings.input_size, self.settings.resize, size, self.cache)
        )
        given = (squares, squares.steps, self.settings, self.threads, self.device)
        for batch in load_batches(*given):
            scores = module(batch.images)[:, : self.classes]
            yield scores.argmax(1).cpu().numpy()


def mean_class_accuracy(predicted: NDArray[np.int64], labels: NDArray[np.int64]) -> float:
    """The mean over the classes that there are of the share of their images that is right."""
    right = predicted == labels
    return float(np.mean([right[labels == label].mean() for label in np.unique(labels)]))
