"""Scoring: class probabilities of images, averaged over scales, crops and mirrors (VGG's way)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from sjft.data.pixels import USUAL_LIMITS, load_rgb
from sjft.errors import BadImageError, UserError
from sjft.evaluation.views import views_of
from sjft.networks.devices import SCORING, choose_device, explained_memory, workers
from sjft.networks.joint import JointNetwork
from sjft.networks.preprocess import normalised
from sjft.progress import progress
from sjft.settings.evaluation import EvaluationSettings
from sjft.settings.image_limits import ImageLimits
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings


@dataclass(frozen=True)
class Scored:
    """``rows`` int64 [images]: places in the given list; ``probabilities`` float32 [images, C].

    Rows, and the places of the ``skipped``, begin with ``first``.
    """

    rows: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    skipped: list[BadImageError]
    first: int = 0


@dataclass(frozen=True)
class Scoring:
    """How a stage scores images.

    ``evaluation`` says in which views, ``training`` what an image is for the network, and where
    that runs.
    """

    evaluation: EvaluationSettings
    training: TrainingSettings
    threads: int = 1
    limits: ImageLimits = USUAL_LIMITS
    skip_bad_images: bool = False

    @classmethod
    def of_parts(
        cls,
        decided_by: Mapping[str, Mapping[str, Any]],
        told: Mapping[str, Mapping[str, Any]],
        threads: int,
        limits: ImageLimits,
    ) -> Self:
        """From what a job goes by and what it is told of besides, both by section: plain values.

        Where ``decided_by`` has no section `dataset`, no bad image is skipped.
        """
        return cls(
            known_part(EvaluationSettings, decided_by["evaluation"], told["evaluation"]),
            known_part(TrainingSettings, decided_by["training"], told["training"]),
            threads,
            limits,
            decided_by.get("dataset", {}).get("on_bad_image") == "skip",
        )

    def single_view(self) -> Self:
        """The same, in a single view of each image."""
        return replace(self, evaluation=self.evaluation.single_view())

    def probabilities(self, network: JointNetwork, paths: Sequence[Path]) -> Scored:
        """`class_probabilities` of images; raises `BadImageError` for a bad one.

        Where these are to be skipped, only if there is no other. Raises `UserError` where the
        network gives no finite ones.
        """
        device = choose_device(self.training.device)
        scored = class_probabilities(
            *(network, paths, self.evaluation, self.training, device, self.threads, self.limits)
        )
        if scored.skipped and not (self.skip_bad_images and len(scored.rows)):
            raise scored.skipped[0]
        _require_finite(scored, paths)
        return scored


def _require_finite(scored: Scored, paths: Sequence[Path]) -> None:
    """Raise `UserError` for probabilities that are none: the largest of them is class 0's.

    Where a round's last update is the one that goes too far, weights may be huge and yet finite,
    and no loss is computed with them.
    """
    bad = np.flatnonzero(~np.isfinite(scored.probabilities).all(axis=1))
    if len(bad):
        raise UserError(
            f"{paths[scored.rows[bad[0]]]}: the network gives no finite class probabilities "
            f"({len(bad)} of {len(scored.rows)} such images): its training has diverged. Lower "
            "training.learning_rate and run again."
        )


class _Views(Dataset[Tensor | BadImageError]):
    """All views of an image, uint8 [views, 3, side, side], or why it cannot be read."""

    def __init__(
        self,
        paths: Sequence[Path],
        side: int,
        settings: EvaluationSettings,
        limits: ImageLimits,
    ) -> None:
        self._paths = paths
        self._side = side
        self._settings = settings
        self._limits = limits

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, row: int) -> Tensor | BadImageError:
        try:
            image = load_rgb(self._paths[row], self._limits)
        except BadImageError as error:
            return error
        return views_of(image, self._side, self._settings)


@dataclass(frozen=True)
class _Batch:
    """Views of the usable images, uint8 [images, views, 3, side, side], and which these are."""

    places: list[int]
    pixels: Tensor
    bad: list[BadImageError]


def _together(items: Sequence[Tensor | BadImageError]) -> _Batch:
    """One tensor a batch: each that comes from a worker holds a file open."""
    usable = {place: item for place, item in enumerate(items) if isinstance(item, Tensor)}
    pixels = torch.stack(list(usable.values())) if usable else torch.empty(0)
    return _Batch(list(usable), pixels, [i for i in items if isinstance(i, BadImageError)])


def class_probabilities(
    network: JointNetwork,
    paths: Sequence[Path],
    evaluation: EvaluationSettings,
    training: TrainingSettings,
    device: torch.device,
    threads: int,
    limits: ImageLimits = USUAL_LIMITS,
) -> Scored:
    """Target-class probabilities of images, each the mean over the image's views.

    Images that cannot be read are left out and listed; the caller decides what that means.
    """
    # Filled as they come: joined in the end, those of 100,000 images would stand there twice.
    rows = np.empty(len(paths), np.int64)
    probabilities = np.empty((len(paths), len(network.target_classes)), np.float32)
    skipped: list[BadImageError] = []
    done = 0
    for batch in score_batches(network, paths, evaluation, training, device, threads, limits):
        place = slice(done, done + len(batch.rows))
        rows[place], probabilities[place] = batch.rows, batch.probabilities
        skipped += batch.skipped
        done = place.stop
    return Scored(rows[:done], probabilities[:done], skipped)


@torch.inference_mode()
def score_batches(
    network: JointNetwork,
    paths: Sequence[Path],
    evaluation: EvaluationSettings,
    training: TrainingSettings,
    device: torch.device,
    threads: int,
    limits: ImageLimits = USUAL_LIMITS,
) -> Iterator[Scored]:
    """Yield what `class_probabilities` gives batch by batch, as soon as it is known."""
    network.module.to(device).eval()
    images_a_batch = max(1, evaluation.batch // evaluation.views)
    loader = DataLoader(
        _Views(paths, training.input_size, evaluation, limits),
        batch_size=images_a_batch,
        collate_fn=_together,
        num_workers=workers(threads, device),
    )
    for number, batch in enumerate(
        progress(loader, total=len(paths), what="scoring", unit="images", per_item=images_a_batch)
    ):
        first = number * images_a_batch
        probabilities = np.empty((0, len(network.target_classes)), np.float32)
        if batch.places:
            with explained_memory(SCORING):
                given = (batch.pixels, training, device, evaluation.batch)
                probabilities = _mean_over_views(network, *given)
        rows = first + np.array(batch.places, np.int64)
        yield Scored(rows, probabilities, batch.bad, first)


def _mean_over_views(
    network: JointNetwork,
    pixels: Tensor,
    training: TrainingSettings,
    device: torch.device,
    crops_at_once: int,
) -> NDArray[np.float32]:
    images, views = pixels.shape[:2]
    inputs = normalised(pixels.flatten(0, 1), training.mean, training.std)
    # One image may have more views than are to be scored at once.
    scores = torch.cat([network.module(p.to(device)) for p in torch.split(inputs, crops_at_once)])
    mean = scores[:, : len(network.target_classes)].float().softmax(1).view(images, views, -1)
    return np.asarray(mean.mean(1).cpu().numpy(), np.float32)
