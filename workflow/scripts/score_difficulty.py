"""Score how hard each of the target's training images is after a round."""

from pathlib import Path
from typing import Any

from job_runner import folder, limits_on_all, run
from sjft.evaluation.scoring import class_probabilities
from sjft.networks.devices import choose_device
from sjft.networks.joint import load_joint_network
from sjft.selection.difficulty import difficulty_table, write_difficulty
from sjft.selection.subset import read_targets
from sjft.settings.experiment import EvaluationSettings
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings


def main(snakemake: Any) -> None:
    """Read model and training pictures; write the difficulties."""
    settings, told = snakemake.params.settings, snakemake.config["told"]
    name = snakemake.wildcards.experiment
    training = known_part(TrainingSettings, settings["training"] | told["training"][name])
    evaluation = known_part(EvaluationSettings, settings["evaluation"] | told["evaluation"][name])
    targets = read_targets(Path(snakemake.input.targets))
    root = folder(snakemake.params.place, snakemake.config["data_root"])
    scored = class_probabilities(
        load_joint_network(Path(snakemake.input.model)),
        [root / path for path in targets["path"]],
        evaluation.single_view(),
        training,
        choose_device(training.device),
        snakemake.threads,
        limits_on_all(snakemake.config),
    )
    if scored.skipped:
        # Extraction has read all of them: a file that is bad now was changed since.
        raise scored.skipped[0]
    table = difficulty_table(targets, scored.probabilities)
    write_difficulty(Path(snakemake.output.difficulty), table)


if __name__ == "__main__":
    run(main, snakemake)
