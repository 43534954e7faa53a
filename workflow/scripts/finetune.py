"""Fine-tune the network for one round."""

import json
from pathlib import Path
from typing import Any

from job_runner import folder, run, weights_file
from sjft.arms import source_choice
from sjft.checkpoints import Checkpoints
from sjft.files import digest_of_file, digest_of_text, write_table
from sjft.images_table import class_names, read_images
from sjft.neighbours import read_neighbours
from sjft.network import load_joint_network, save_network
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.experiment import TrainingSettings
from sjft.source_head import ClassifierClasses, read_classifier_classes
from sjft.subset import read_manifest
from sjft.training import Round, run_round


def main(snakemake: Any) -> None:
    """Read manifest, pictures and the last round's model; write model and history."""
    files, wildcards = snakemake.input, snakemake.wildcards
    settings = TrainingSettings.model_validate(snakemake.params.training)
    data_root = snakemake.config["data_root"]
    manifest = read_manifest(Path(files.subset), Path(files.targets))
    ranking = read_neighbours(Path(files.ranking)) if files.ranking else None
    folders = snakemake.params.folders
    checkpoints = _checkpoints(snakemake)
    with checkpoints.heeding_termination():
        network, history = run_round(
            Round(
                number=int(wildcards.round),
                seed=int(wildcards.seed),
                manifest=manifest,
                choice=source_choice(wildcards.arm, manifest, ranking),
                target_folder=folder(folders["target"], data_root),
                source_folders={
                    name: folder(place, data_root) for name, place in folders["sources"].items()
                },
                target_classes=class_names(read_images(Path(files.images))),
                last_network=load_joint_network(Path(files.last_model))
                if files.last_model
                else None,
                classifier_classes=_classifier_classes(settings, snakemake),
            ),
            settings,
            weights_file(settings.weights, data_root, files.weights),
            snakemake.threads,
            checkpoints,
        )
    facts = {name: digest_of_file(Path(files[name])) for name in ("subset", "targets")}
    save_network(Path(snakemake.output.model), network, {"inputs": facts})
    write_table(Path(snakemake.output.history), history)
    checkpoints.remove()


def _classifier_classes(settings: TrainingSettings, snakemake: Any) -> ClassifierClasses | None:
    """What the pre-trained classifier tells apart, where the source's head starts from it."""
    images = [Path(path) for path in snakemake.input.source_images]
    if not images:
        return None
    listed = settings.source_head_classes
    return read_classifier_classes(
        None if listed is None else Path(snakemake.config["data_root"]) / listed,
        dict(zip(snakemake.params.folders["sources"], images, strict=True)),
    )


def _checkpoints(snakemake: Any) -> Checkpoints:
    """Checkpoints of this very round: of these files, settings, code and threads."""
    params, wildcards = snakemake.params, snakemake.wildcards
    inputs = {path: digest_of_file(Path(path)) for path in snakemake.input}
    decided_by = [
        *(inputs, params.training, params.weights, params.source_head_classes),
        *(params.code, snakemake.threads),
    ]
    round_folder = Path(
        "results/checkpoints",
        wildcards.experiment,
        f"{wildcards.arm}-{wildcards.seed}",
        f"round-{wildcards.round}",
    )
    return Checkpoints(
        round_folder / digest_of_text(json.dumps(decided_by, sort_keys=True)),
        CheckpointSettings.model_validate(snakemake.config["checkpoints"]),
    )


if __name__ == "__main__":
    run(main, snakemake)
