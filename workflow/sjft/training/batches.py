"""Batches: from rows of the manifest to augmented images and labels."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sjft.settings.training import TrainingSettings
from sjft.training.augmentation import NUMBERS, augmented, random_numbers
from sjft.training.cache import ImageCache
from sjft.training.mixup import mixing
from sjft.training.pairing import Pairing
from sjft.training.rand_augment import operation_numbers, rand_augment
from sjft.training.world import ALONE, World


@dataclass(frozen=True)
class LabelledImages:
    """Paths and labels of one side of the batch."""

    paths: Sequence[Path]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Images [targets + sources, 3, side, side]; labels int64 of each half.

    Images are uint8 as they are prepared, and normalised float32 as the network gets them.
    ``source_weights`` float32 [sources] say how often each source image's loss counts, with a mean
    of 1 over the batch of all processes; None where each counts once. With mixup,
    ``mixup_partners`` int64 and ``mixup_shares`` float32 [pairs] are those of
    `sjft.training.mixup.Mixing`. Loader and loop hand over whatever tensors there are.
    """

    images: Tensor
    target_labels: Tensor
    source_labels: Tensor
    paths: list[str]
    source_weights: Tensor | None = None
    mixup_partners: Tensor | None = None
    mixup_shares: Tensor | None = None

    def tensors(self) -> dict[str, Tensor]:
        """All that the network and its loss go by, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def to(self, device: torch.device) -> "Batch":
        """The same on a device, copied beside its work where memory is pinned."""
        there: dict[str, Any] = {
            name: tensor.to(device, non_blocking=True) for name, tensor in self.tensors().items()
        }
        return replace(self, **there)


@dataclass(frozen=True)
class Outline:
    """A batch whose images are still to be filled in, and what each will be made of."""

    batch: Batch
    paths: list[Path]
    numbers: NDArray[np.float64]
    pixels: NDArray[np.uint8]


class JointBatches:
    """Batch ``step`` of a training round, as a function of the step.

    Where several processes train together, each prepares its share of every batch: of n processes,
    number r prepares the target images r, r + n, r + 2n and so on, and the source images beside
    them. An image's augmentation depends on seed, step and its place in the whole batch alone.
    """

    def __init__(
        self,
        targets: LabelledImages,
        sources: LabelledImages,
        pairing: Pairing,
        settings: TrainingSettings,
        seed: int,
        cache: ImageCache,
        world: World = ALONE,
    ) -> None:
        """Put the two sides together; nothing is read yet."""
        self._targets = targets
        self._sources = sources
        self._pairing = pairing
        self._side, self._resize = settings.input_size, settings.resize
        self._rand_augment = rand_augment(settings)
        self._mixup, self._processes = settings.mixup, settings.processes
        self._seed = seed
        self._cache = cache
        self._world = world
        self._share = slice(world.rank, None, world.size)

    def __getitem__(self, step: int) -> Batch:
        """Batch ``step``, uint8; raises `BadImageError` for an image that cannot be used."""
        outline = self.outline(step)
        self.fill(outline, slice(None))
        return outline.batch

    def outline(self, step: int, *, pinned: bool = False) -> Outline:
        """Say what batch ``step`` holds; ``pinned`` memory is copied to a GPU beside its work."""
        pairs = self._pairing.batch(step)
        numbers = self._numbers(step, len(pairs.targets) + len(pairs.sources))
        halves = np.split(numbers, [len(pairs.targets)])
        mixup = self._mixing(step, len(pairs.targets))
        pairs = pairs.share(self._share)
        paths = [self._targets.paths[row] for row in pairs.targets]
        paths += [self._sources.paths[row] for row in pairs.sources]
        shape = (len(paths), self._side, self._side, 3)
        images = torch.empty(shape, dtype=torch.uint8, pin_memory=pinned)
        batch = Batch(
            images.permute(0, 3, 1, 2),
            torch.from_numpy(self._targets.labels[pairs.targets]),
            torch.from_numpy(self._sources.labels[pairs.sources]),
            [str(path) for path in paths],
            source_weights=(
                None if pairs.source_weights is None else torch.from_numpy(pairs.source_weights)
            ),
            **mixup,
        )
        numbers = np.concatenate([half[self._share] for half in halves])
        return Outline(batch, paths, numbers, images.numpy())

    def fill(self, outline: Outline, places: slice) -> None:
        """Make the images at some places, in any thread; raises `BadImageError`."""
        for pixels, path, numbers in zip(
            outline.pixels[places], outline.paths[places], outline.numbers[places], strict=True
        ):
            square = augmented(self._cache.pixels(path), self._side, self._resize, numbers)
            if self._rand_augment is not None:
                square = self._rand_augment.applied(square, numbers[NUMBERS:])
            pixels[:] = square

    def _numbers(self, step: int, places: int) -> NDArray[np.float64]:
        """What decides the augmentation of each image of the whole batch, a row each."""
        numbers = random_numbers(self._seed, step, places)
        if self._rand_augment is None:
            return numbers
        return np.hstack([numbers, operation_numbers(self._seed, step, places)])

    def _mixing(self, step: int, pairs: int) -> dict[str, Tensor]:
        """Partners and shares of this process's part of all ``pairs``; nothing without mixup."""
        if self._mixup is None:
            return {}
        whole = mixing(self._mixup, self._seed, step, pairs, self._processes)
        own = whole.of_process(self._world.rank, self._world.size)
        return {
            "mixup_partners": torch.from_numpy(own.partners),
            "mixup_shares": torch.from_numpy(own.shares),
        }
