"""Scoring the target's training images after a round, for the selection of the next one."""

from pathlib import Path

from sjft.evaluation.scoring import class_probabilities
from sjft.networks.devices import choose_device
from sjft.networks.joint import load_joint_network
from sjft.selection.difficulty import difficulty_table, write_difficulty
from sjft.selection.subset import read_targets
from sjft.settings.experiment import EvaluationSettings
from sjft.settings.image_limits import ImageLimits
from sjft.settings.training import TrainingSettings


def score_difficulty(
    model: Path,
    targets: Path,
    folder: Path,
    evaluation: EvaluationSettings,
    training: TrainingSettings,
    output: Path,
    *,
    threads: int,
    limits: ImageLimits,
) -> None:
    """Write how hard each image of targets.csv is for the network in ``model``, by a single view.

    ``folder`` is that of the images' paths. Raises `BadImageError` for one that cannot be read:
    extraction has read all of them, so it was changed since.
    """
    listed = read_targets(targets)
    scored = class_probabilities(
        load_joint_network(model),
        [folder / path for path in listed["path"]],
        evaluation.single_view(),
        training,
        choose_device(training.device),
        threads,
        limits,
    )
    if scored.skipped:
        raise scored.skipped[0]
    write_difficulty(output, difficulty_table(listed, scored.probabilities))
