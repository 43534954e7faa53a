"""The evaluation of a run: its network's probabilities on file, and the tables they lead to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from sjft.data.table import class_names, read_images
from sjft.evaluation.accuracy import (
    class_table,
    confusion,
    confusion_table,
    evaluate,
    prediction_table,
)
from sjft.evaluation.probabilities import Probabilities, write_probabilities
from sjft.networks.joint import load_joint_network
from sjft.settings.experiment import EvaluationSettings
from sjft.settings.image_limits import ImageLimits
from sjft.settings.training import TrainingSettings
from sjft.storage.files import digest_of_file, write_json, write_plain_table


@dataclass(frozen=True)
class EvaluationFiles:
    """What an evaluation writes: the probabilities, and what follows from them."""

    evaluation: Path
    predictions: Path
    classes: Path
    confusion: Path
    probabilities: Path


def evaluate_run(
    model: Path,
    images: Path,
    folder: Path,
    evaluation: EvaluationSettings,
    training: TrainingSettings,
    decided_by: Mapping[str, Any],
    output: EvaluationFiles,
    *,
    skip_bad_images: bool,
    threads: int,
    limits: ImageLimits,
) -> None:
    """Evaluate the network in ``model`` on one split of the target's images.csv.

    ``folder`` is that of the images' paths; ``decided_by`` is what of the evaluation's settings
    decides the probabilities, for their file. Raises as `evaluate` does.
    """
    measured, probabilities = _evaluated(
        *(model, images, folder, evaluation, training),
        skip_bad_images=skip_bad_images,
        threads=threads,
        limits=limits,
    )
    counts, names = confusion(probabilities.values, probabilities.labels), probabilities.class_names
    write_json(output.evaluation, measured)
    write_plain_table(output.predictions, prediction_table(probabilities))
    write_plain_table(output.classes, class_table(counts, names))
    write_plain_table(output.confusion, confusion_table(counts, names))
    write_probabilities(
        output.probabilities,
        probabilities,
        config=decided_by,
        inputs={str(path): digest_of_file(path) for path in (model, images)},
    )


def validate_run(
    model: Path,
    images: Path,
    folder: Path,
    evaluation: EvaluationSettings,
    training: TrainingSettings,
    output: Path,
    *,
    skip_bad_images: bool,
    threads: int,
    limits: ImageLimits,
) -> None:
    """Write the accuracies alone, of the split that arms are chosen by; else as `evaluate_run`."""
    measured, _ = _evaluated(
        *(model, images, folder, evaluation, training),
        skip_bad_images=skip_bad_images,
        threads=threads,
        limits=limits,
    )
    write_json(output, measured)


def _evaluated(
    model: Path,
    images: Path,
    folder: Path,
    evaluation: EvaluationSettings,
    training: TrainingSettings,
    *,
    skip_bad_images: bool,
    threads: int,
    limits: ImageLimits,
) -> tuple[dict[str, Any], Probabilities]:
    listed = read_images(images)
    return evaluate(
        load_joint_network(model),
        listed.filter(pl.col("split") == evaluation.split),
        folder,
        class_names(listed),
        evaluation,
        training,
        skip_bad_images=skip_bad_images,
        threads=threads,
        limits=limits,
    )
