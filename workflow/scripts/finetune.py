"""Fine-tune the network for one round."""

from pathlib import Path
from typing import Any

from job_runner import folder, limits_on_all, run, weights_file
from sjft.data.table import class_names, read_images
from sjft.networks.joint import load_joint_network
from sjft.networks.source_head import ClassifierClasses, read_classifier_classes
from sjft.retrieval.neighbours import read_neighbours
from sjft.selection.subset import read_manifest
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.known_part import known_part
from sjft.settings.training import TrainingSettings
from sjft.settings.training_jobs import TrainingJobSettings
from sjft.storage.files import digest_of_file
from sjft.training.checkpoints import Checkpoints
from sjft.training.job import RoundJob
from sjft.training.pairing import source_choice
from sjft.training.round import Round


def main(snakemake: Any) -> None:
    """Read manifest and the last round's model; train; write model and history."""
    files, experiment = snakemake.input, snakemake.wildcards.experiment
    settings = known_part(
        TrainingSettings,
        {**snakemake.params.training, **snakemake.config["told"]["training"][experiment]},
    )
    RoundJob(
        _round(snakemake, settings),
        settings,
        weights_file(settings.weights, snakemake.config["data_root"], files.weights),
        snakemake.threads,
        _checkpoints(snakemake, settings),
        TrainingJobSettings.model_validate(snakemake.config["training_jobs"]),
        model=Path(snakemake.output.model),
        history=Path(snakemake.output.history),
        facts={"inputs": {n: digest_of_file(Path(files[n])) for n in ("subset", "targets")}},
    ).run()


def _round(snakemake: Any, settings: TrainingSettings) -> Round:
    files, wildcards = snakemake.input, snakemake.wildcards
    data_root, folders = snakemake.config["data_root"], snakemake.params.folders
    manifest = read_manifest(Path(files.subset), Path(files.targets))
    ranking = read_neighbours(Path(files.ranking)) if files.ranking else None
    return Round(
        number=int(wildcards.round),
        seed=int(wildcards.seed),
        manifest=manifest,
        choice=source_choice(
            *(snakemake.params.sources_of_arm, manifest, ranking, settings.source_loss_scale)
        ),
        target_folder=folder(folders["target"], data_root),
        source_folders={n: folder(p, data_root) for n, p in folders["sources"].items()},
        target_classes=class_names(read_images(Path(files.images))),
        last_network=load_joint_network(Path(files.last_model)) if files.last_model else None,
        classifier_classes=_classifier_classes(settings, snakemake),
        limits=limits_on_all(snakemake.config),
    )


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


def _checkpoints(snakemake: Any, settings: TrainingSettings) -> Checkpoints:
    """Checkpoints of this very round: of these files, settings, code and threads."""
    params, wildcards = snakemake.params, snakemake.wildcards
    run_folder = Path(wildcards.experiment, f"{wildcards.arm}-{wildcards.seed}")
    return Checkpoints(
        Path("results/checkpoints", run_folder, f"round-{wildcards.round}"),
        {
            "inputs": {path: digest_of_file(Path(path)) for path in snakemake.input},
            "training": settings.model_dump(mode="json"),
            "weights": params.weights,
            "source_head_classes": params.source_head_classes,
            "code": params.code,
            "threads": snakemake.threads,
        },
        CheckpointSettings.model_validate(snakemake.config["checkpoints"]),
    )


if __name__ == "__main__":
    run(main)
