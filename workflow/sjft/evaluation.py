"""Evaluation: accuracy on images that neither training nor selection has seen."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.devices import choose_device
from sjft.errors import UserError
from sjft.network import JointNetwork
from sjft.probabilities import Probabilities
from sjft.scoring import class_probabilities
from sjft.settings.experiment import EvaluationSettings, TrainingSettings

LOG = logging.getLogger(__name__)


def evaluate(
    network: JointNetwork,
    images: pl.DataFrame,
    folder: Path,
    class_names: Sequence[str],
    settings: EvaluationSettings,
    training: TrainingSettings,
    *,
    skip_bad_images: bool,
    threads: int,
) -> tuple[dict[str, Any], Probabilities]:
    """Accuracies on ``images`` (rows of images.csv) as plain values, and what they follow from.

    Raises `UserError` where there is no image, and `BadImageError` for a bad one that is not to
    be skipped, or where all are bad.
    """
    if not len(images):
        raise UserError(
            f"{folder}: there is no image in the split `{settings.split}`. Give the data set such "
            "a split, or set the experiment's evaluation.split."
        )
    scored = class_probabilities(
        network,
        [folder / path for path in images["path"]],
        settings,
        training,
        choose_device(training.device),
        threads,
    )
    if scored.skipped and not (skip_bad_images and len(scored.rows)):
        raise scored.skipped[0]
    for error in scored.skipped:
        LOG.warning("skipped %s: %s", error.path, error.reason)
    usable = images[scored.rows]
    probabilities = Probabilities(
        usable["path"].to_list(),
        usable["label"].to_numpy().astype(np.int64),
        scored.probabilities,
        list(class_names),
    )
    measured = accuracies(probabilities.values, probabilities.labels, class_names)
    measured["split"] = settings.split
    measured["skipped"] = [{"path": e.path, "reason": e.reason} for e in scored.skipped]
    LOG.info("%d images, %d skipped", len(usable), len(scored.skipped))
    return measured, probabilities


def accuracies(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], class_names: Sequence[str]
) -> dict[str, Any]:
    """Mean of the classes' accuracies (the paper's figure), top-1 accuracy, and each class's own.

    Classes without a test image have no part in the mean and accuracy null in the table.
    """
    correct = probabilities.argmax(axis=1) == labels
    images = np.bincount(labels, minlength=len(class_names))
    right = np.bincount(labels, weights=correct, minlength=len(class_names))
    per_class = np.divide(right, images, out=np.full(len(images), np.nan), where=images > 0)
    return {
        "images": len(labels),
        "mean_class_accuracy": float(np.nanmean(per_class)),
        "accuracy": float(correct.mean()),
        "classes": [
            {
                "class_name": name,
                "images": int(images[label]),
                "accuracy": None if images[label] == 0 else float(per_class[label]),
            }
            for label, name in enumerate(class_names)
        ],
    }


def prediction_table(probabilities: Probabilities) -> pl.DataFrame:
    """One row per image: path, its class, the predicted class, and that one's probability."""
    names = np.array(probabilities.class_names, str)
    predicted = probabilities.values.argmax(axis=1)
    return pl.DataFrame(
        {
            "path": probabilities.paths,
            "class_name": names[probabilities.labels],
            "predicted_class": names[predicted],
            "probability": probabilities.values.max(axis=1),
            "correct": predicted == probabilities.labels,
        }
    )
