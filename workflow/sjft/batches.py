"""Batches: from rows of the manifest to augmented pictures and labels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from sjft.devices import workers
from sjft.errors import BadImageError
from sjft.files import stable_integer
from sjft.images import load_rgb
from sjft.pairing import Pairing
from sjft.settings.base import Channels
from sjft.settings.experiment import TrainingSettings


@dataclass(frozen=True)
class LabelledImages:
    """Paths and labels of one side of the batch."""

    paths: Sequence[Path]
    labels: NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Images float32 [targets + sources, 3, side, side], normalised; labels int64 of each half."""

    images: Tensor
    target_labels: Tensor
    source_labels: Tensor
    paths: list[str]

    def pin_memory(self) -> "Batch":
        """The same in page-locked memory, for copying to a GPU."""
        return Batch(
            self.images.pin_memory(),
            self.target_labels.pin_memory(),
            self.source_labels.pin_memory(),
            self.paths,
        )


class JointBatches(Dataset[Batch | BadImageError]):
    """Batch ``step`` of a training round, as a function of the step.

    Augmentation (paper, section 4): the shorter side to a random length, a random crop, mirrored
    half of the time; its random numbers depend on seed, step and place in the batch alone.
    """

    def __init__(
        self,
        targets: LabelledImages,
        sources: LabelledImages,
        pairing: Pairing,
        settings: TrainingSettings,
        seed: int,
    ) -> None:
        """Put the two sides together; nothing is read yet."""
        self._targets = targets
        self._sources = sources
        self._pairing = pairing
        self._settings = settings
        self._seed = seed
        low, high = settings.resize
        self._augment = v2.Compose(
            [
                v2.RandomShortestSize(list(range(low, high + 1)), antialias=True),
                v2.RandomCrop(settings.input_size),
                v2.RandomHorizontalFlip(),
                v2.PILToTensor(),
            ]
        )

    def __getitem__(self, step: int) -> Batch | BadImageError:
        """Batch ``step``, or why a picture of it cannot be used.

        An error that is raised in a worker would arrive as another one, with a traceback.
        """
        target_rows, source_rows = self._pairing.batch(step)
        paths = [self._targets.paths[row] for row in target_rows]
        paths += [self._sources.paths[row] for row in source_rows]
        try:
            with torch.random.fork_rng(devices=[]):
                pictures = [self._picture(path, step, place) for place, path in enumerate(paths)]
        except BadImageError as error:
            return error
        return Batch(
            normalised(torch.stack(pictures), self._settings.mean, self._settings.std),
            torch.from_numpy(self._targets.labels[target_rows]),
            torch.from_numpy(self._sources.labels[source_rows]),
            [str(path) for path in paths],
        )

    def _picture(self, path: Path, step: int, place: int) -> Tensor:
        # torch.manual_seed would seed every device, at the cost of decoding the picture.
        torch.default_generator.manual_seed(stable_integer("augment", self._seed, step, place))
        picture: Tensor = self._augment(load_rgb(path))
        return picture


def normalised(pictures: Tensor, mean: Channels, std: Channels) -> Tensor:
    """uint8 [..., 3, h, w] to float32: (x / 255 - mean) / std, channel by channel."""
    shape = (3, 1, 1)
    scaled = pictures.float() / 255
    return (scaled - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)


def load_batches(
    batches: JointBatches, steps: range, threads: int, device: torch.device
) -> Iterator[Batch]:
    """These steps' batches, prepared by as many workers as the threads allow for.

    Raises `BadImageError` for a picture that cannot be used.
    """
    loader: DataLoader[Batch | BadImageError] = DataLoader(
        batches,
        batch_size=None,
        sampler=steps,
        num_workers=workers(threads, device),
        pin_memory=device.type == "cuda",
        # Its own: it would draw from the stream that dropout draws from, once more after a resume.
        generator=torch.Generator(),
    )
    for batch in loader:
        if isinstance(batch, BadImageError):
            raise batch
        yield batch
