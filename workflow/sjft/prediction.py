"""Prediction: a published model on anyone's pictures, seen as the evaluation saw its own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sjft.devices import choose_device
from sjft.errors import UserError
from sjft.network import JointNetwork
from sjft.picture_names import SUFFIXES
from sjft.published import PublishedModel
from sjft.scoring import class_probabilities
from sjft.settings.experiment import EvaluationSettings, TrainingSettings


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of one picture, or why it cannot be used."""

    path: Path
    classes: list[tuple[str, float]]
    error: str = ""


def pictures_in(places: Sequence[Path]) -> list[Path]:
    """The files that are named, and all pictures below the folders, sorted folder by folder.

    Raises `UserError` for a place that is not there and for a folder without a picture.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            below = sorted(
                path
                for path in place.rglob("*")
                if path.suffix.lower() in SUFFIXES and path.is_file() and path.name[0] != "."
            )
            if not below:
                raise UserError(f"{place}: there is no picture in this folder.")
            found += below
        elif place.exists():
            found.append(place)
        else:
            raise UserError(f"{place}: there is no such file or folder.")
    return found


def predict(
    model: PublishedModel,
    paths: Sequence[Path],
    top: int,
    *,
    device: str = "auto",
    batch: int = 64,
    single_view: bool = False,
) -> list[Prediction]:
    """Each picture's ``top`` most probable classes, in the order of ``paths``.

    Probabilities are the mean over the views that the evaluation took, which its accuracy is quoted
    for, or of the first scale's central crop alone; ``batch`` views share a forward pass. A picture
    that cannot be read gets its reason instead. Raises `UserError` for a GPU that isn't there.
    """
    evaluation, training = _settings(model, batch)
    scored = class_probabilities(
        JointNetwork(model.facts["network"], model.network, model.classes, []),
        paths,
        evaluation.single_view() if single_view else evaluation,
        training,
        choose_device(device, "--device"),
        torch.get_num_threads(),
    )
    order = np.argsort(-scored.probabilities, axis=1, kind="stable")[:, :top]
    found = {
        int(row): [(model.classes[label], float(values[label])) for label in labels]
        for row, labels, values in zip(scored.rows, order, scored.probabilities, strict=True)
    }
    reasons = iter(scored.skipped)
    return [
        Prediction(path, found[row]) if row in found else Prediction(path, [], next(reasons).reason)
        for row, path in enumerate(paths)
    ]


def _settings(model: PublishedModel, batch: int) -> tuple[EvaluationSettings, TrainingSettings]:
    """The published preprocessing, as scoring takes it; of training it sees pixels alone."""
    known = model.preprocessing
    views = {key: known[key] for key in ("scales", "crops", "mirror")}
    return (
        EvaluationSettings.model_validate({**views, "batch": batch}),
        TrainingSettings.model_validate(
            {
                "input_size": known["crop"],
                "resize": (known["crop"], known["crop"]),
                "mean": known["mean"],
                "std": known["std"],
            }
        ),
    )


def as_text(predictions: Sequence[Prediction]) -> str:
    """One line a picture: path, then classes with their probabilities in per cent, in columns."""
    path_width = max((len(str(p.path)) for p in predictions), default=0)
    ranks = zip(*(p.classes for p in predictions if not p.error), strict=True)
    widths = [max(len(name) for name, _ in rank) for rank in ranks]

    def columns(prediction: Prediction) -> list[str]:
        return [prediction.error] * bool(prediction.error) + [
            f"{name.ljust(width)} {100 * share:5.1f} %"
            for (name, share), width in zip(prediction.classes, widths, strict=False)
        ]

    return "\n".join("  ".join([str(p.path).ljust(path_width), *columns(p)]) for p in predictions)


def as_json(predictions: Sequence[Prediction]) -> str:
    """A list of objects with ``path``, and ``classes`` or ``error``."""
    values = [
        {"path": str(p.path), "error": p.error}
        if p.error
        else {
            "path": str(p.path),
            "classes": [{"class": name, "probability": share} for name, share in p.classes],
        }
        for p in predictions
    ]
    return json.dumps(values, indent=2, ensure_ascii=False)
