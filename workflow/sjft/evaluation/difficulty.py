"""Scoring the target's training images after a round, for the selection of the next one."""

from pathlib import Path

from sjft.evaluation.scoring import Scoring
from sjft.networks.joint import load_joint_network
from sjft.selection.difficulty import difficulty_table, write_difficulty
from sjft.selection.subset import read_targets


def score_difficulty(
    model: Path, targets: Path, folder: Path, scoring: Scoring, output: Path
) -> None:
    """Write how hard each image of targets.csv is for the network in ``model``, by a single view.

    ``folder`` is that of the images' paths. Raises `BadImageError` for one that cannot be read:
    extraction has read all of them, so it was changed since.
    """
    listed = read_targets(targets)
    paths = [folder / path for path in listed["path"]]
    scored = scoring.single_view().probabilities(load_joint_network(model), paths)
    write_difficulty(output, difficulty_table(listed, scored.probabilities))
