"""Accuracies and tables that follow from a network's probabilities."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.evaluation.calibration import calibration
from sjft.evaluation.probabilities import Probabilities


def accuracies(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], class_names: Sequence[str]
) -> dict[str, Any]:
    """Mean of the classes' accuracies (the paper's figure), top-1, calibration, each class's own.

    Classes without an image have no part in the mean, and accuracy null in the table.
    """
    correct = probabilities.argmax(axis=1) == labels
    of_classes = class_table(confusion(probabilities, labels), class_names)
    return {
        "images": len(labels),
        "mean_class_accuracy": of_classes["accuracy"].mean(),
        "accuracy": float(correct.mean()),
        "calibration": calibration(probabilities, labels),
        "classes": of_classes.to_dicts(),
    }


def confusion(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many images of each class are taken for which, int64 [classes, predicted classes]."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def class_table(counts: NDArray[np.int64], class_names: Sequence[str]) -> pl.DataFrame:
    """One row per class, from the confusion [classes, predicted classes].

    How many images it has and which share of them is found (accuracy, null without images), and
    how often it is predicted and rightly so (precision, null where it never is).
    """
    images, predicted, right = counts.sum(axis=1), counts.sum(axis=0), np.diagonal(counts)
    return pl.DataFrame(
        {
            "class_name": list(class_names),
            "images": images,
            "accuracy": _shares(right, images),
            "predicted": predicted,
            "precision": _shares(right, predicted),
        }
    )


def _shares(part: NDArray[np.int64], whole: NDArray[np.int64]) -> pl.Series:
    """Part by whole, null where the whole is 0."""
    shares = [p / n if n else None for p, n in zip(part.tolist(), whole.tolist(), strict=True)]
    return pl.Series(shares, dtype=pl.Float64)


def confusion_table(counts: NDArray[np.int64], class_names: Sequence[str]) -> pl.DataFrame:
    """The confusion as a list: how many images of a class are taken for which, where any are."""
    true, predicted = np.nonzero(counts)
    names = np.array(class_names, str)
    return pl.DataFrame(
        {
            "class_name": names[true],
            "predicted_class": names[predicted],
            "images": counts[true, predicted],
        }
    )


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
