"""The evaluation of a run, on images that neither training nor selection has seen.

The network's probabilities on file, and the tables they lead to.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from sjft.data.table import class_names, read_images
from sjft.errors import UserError
from sjft.evaluation.accuracy import (
    accuracies,
    class_table,
    confusion,
    confusion_table,
    prediction_table,
)
from sjft.evaluation.probabilities import Probabilities, write_probabilities
from sjft.evaluation.scoring import Scoring
from sjft.networks.joint import JointNetwork, load_joint_network
from sjft.storage.files import digest_of_file, write_json, write_plain_table, write_table

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class ScoredFiles:
    """A run's last model, and the target's images.csv."""

    model: Path
    images: Path


@dataclass(frozen=True)
class EvaluationFiles:
    """What an evaluation writes: the probabilities, and what follows from them."""

    evaluation: Path
    predictions: Path
    classes: Path
    confusion: Path
    probabilities: Path


def evaluate_run(
    files: ScoredFiles,
    folder: Path,
    scoring: Scoring,
    decided_by: Mapping[str, Any],
    output: EvaluationFiles,
) -> None:
    """Evaluate a run's network on one split of the target.

    ``folder`` is that of the images' paths; ``decided_by`` is what of the evaluation's settings
    decides the probabilities, for their file. Raises as `evaluate` does.
    """
    measured, probabilities = _evaluated(files, folder, scoring)
    counts, names = confusion(probabilities.values, probabilities.labels), probabilities.class_names
    write_json(output.evaluation, measured)
    write_plain_table(output.predictions, prediction_table(probabilities))
    write_table(output.classes, class_table(counts, names))
    write_plain_table(output.confusion, confusion_table(counts, names))
    write_probabilities(
        output.probabilities,
        probabilities,
        config=decided_by,
        inputs={str(path): digest_of_file(path) for path in (files.model, files.images)},
    )


def validate_run(files: ScoredFiles, folder: Path, scoring: Scoring, output: Path) -> None:
    """Write the accuracies alone, of the split that arms are chosen by; else as `evaluate_run`."""
    measured, _ = _evaluated(files, folder, scoring)
    write_json(output, measured)


def _evaluated(
    files: ScoredFiles, folder: Path, scoring: Scoring
) -> tuple[dict[str, Any], Probabilities]:
    listed = read_images(files.images)
    return evaluate(
        load_joint_network(files.model),
        listed.filter(pl.col("split") == scoring.evaluation.split),
        folder,
        class_names(listed),
        scoring,
    )


def evaluate(
    network: JointNetwork,
    images: pl.DataFrame,
    folder: Path,
    class_names: Sequence[str],
    scoring: Scoring,
) -> tuple[dict[str, Any], Probabilities]:
    """Accuracies on ``images`` (rows of images.csv) as plain values, and what they follow from.

    Raises `UserError` where there is no image, and `BadImageError` as `Scoring.probabilities`.
    """
    split = scoring.evaluation.split
    if not len(images):
        raise UserError(
            f"{folder}: there is no image in the split `{split}`. Give the data set such "
            "a split, or set the experiment's evaluation.split."
        )
    scored = scoring.probabilities(network, [folder / path for path in images["path"]])
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
    measured["split"] = split
    # As images.csv has them: wherever the data lie, and whoever reads the model's card.
    listed = {folder / path: path for path in images["path"]}
    measured["skipped"] = [
        {"path": listed[Path(e.path)], "reason": e.reason} for e in scored.skipped
    ]
    LOG.info("%d images, %d skipped", len(usable), len(scored.skipped))
    return measured, probabilities
