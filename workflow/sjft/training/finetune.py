"""Fine-tuning of one round, from its files to its files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.data.location import ImageFolders
from sjft.data.table import class_names, read_images
from sjft.networks.devices import choose_device
from sjft.networks.joint import load_joint_network
from sjft.networks.source_head import ClassifierClasses, read_classifier_classes
from sjft.retrieval.neighbours import read_neighbours
from sjft.selection.subset import Manifest, read_manifest
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.selection import Sources
from sjft.settings.training import TrainingSettings
from sjft.settings.training_jobs import TrainingJobSettings
from sjft.settings.weights import weights_file
from sjft.storage.files import digest_of_file
from sjft.training.checkpoints import Checkpoints
from sjft.training.job import RoundJob
from sjft.training.pairing import SourceChoice, source_choice
from sjft.training.precision import Precision
from sjft.training.round import Round
from sjft.training.validation import validation_images

# What a round follows from, beside its files, settings and threads.
DECIDING = ("weights", "source_head_classes", "best_weights", "opened", "code")


@dataclass(frozen=True)
class RoundFiles:
    """What a round reads, beside the images.

    ``images`` is the target's images.csv, ``source_images`` those of the sources, in the order of
    their folders, where the source's head starts from the weights' own; ``ranking`` where the arm
    pairs neighbours; ``last_model`` from the second round on; ``weights`` where a rule fetched
    them, ``learned`` where they are the model of another experiment, and ``classifier`` the
    images.csv of what that one tells apart, where the source's head starts from its classifier.
    """

    subset: Path
    targets: Path
    images: Path
    source_images: Sequence[Path]
    ranking: Path | None
    last_model: Path | None
    weights: Path | None
    learned: Path | None
    classifier: Path | None

    def digests(self) -> dict[str, str]:
        """The digest of each file, by its path."""
        given = (self.subset, self.targets, self.images, *self.source_images)
        more = (self.ranking, self.last_model, self.weights, self.learned, self.classifier)
        return {str(path): digest_of_file(path) for path in (*given, *more) if path is not None}


@dataclass(frozen=True)
class RoundOfArm:
    """Which round of a run it is, from 0, and where the arm's source images come from."""

    number: int
    seed: int
    sources: Sources


@dataclass(frozen=True)
class RoundMeans:
    """By what means a round is trained: no more of the model than its last digits hangs on them.

    ``data_root`` is the folder of the user's data, ``folder`` that of the round's checkpoints.
    """

    data_root: Path
    jobs: TrainingJobSettings
    checkpoints: CheckpointSettings
    folder: Path
    threads: int


@dataclass(frozen=True)
class RoundOutput:
    """What a round writes."""

    model: Path
    history: Path


def finetune(
    files: RoundFiles,
    images: ImageFolders,
    output: RoundOutput,
    of: RoundOfArm,
    settings: TrainingSettings,
    means: RoundMeans,
    *,
    decided_by: Mapping[str, Any],
) -> None:
    """Train a round and write its model and history.

    Checkpoints are of this very round: of these files, settings and threads, and of what else it
    is ``decided_by``, the plain values that `DECIDING` names: of these, ``best_weights`` says
    whether bad images of `val` are left out, and ``opened`` changes with the images themselves.
    Raises `UserError` as `sjft.training.round.train` does.
    """
    manifest = read_manifest(files.subset, files.targets)
    listed = read_images(files.images)
    best = settings.keep == "best_on_val"
    RoundJob(
        Round(
            number=of.number,
            seed=of.seed,
            manifest=manifest,
            choice=_choice(files, manifest, of.sources, settings),
            target_folder=images.target,
            source_folders=dict(images.sources),
            target_classes=class_names(listed),
            last_network=load_joint_network(files.last_model) if files.last_model else None,
            classifier_classes=_classifier_classes(files, images, settings, means.data_root),
            limits=images.limits,
            validation=validation_images(listed, images.target) if best else None,
            skip_bad_images=decided_by.get("best_weights", {}).get("on_bad_image") == "skip",
        ),
        settings,
        weights_file(settings.weights, means.data_root, files.weights or files.learned),
        means.threads,
        Checkpoints(
            means.folder,
            {
                "inputs": files.digests(),
                "training": settings.model_dump(mode="json"),
                "threads": means.threads,
                # What `auto` comes to on this machine: a scale of losses, or none.
                "precision": Precision(settings.precision, choose_device(settings.device)).name,
                **decided_by,
            },
            means.checkpoints,
        ),
        means.jobs,
        model=output.model,
        history=output.history,
        facts={
            "inputs": {
                "subset": digest_of_file(files.subset),
                "targets": digest_of_file(files.targets),
            }
        },
    ).run()


def _choice(
    files: RoundFiles, manifest: Manifest, sources: Sources, settings: TrainingSettings
) -> SourceChoice:
    """What may stand beside a target image; the ranking itself is not held while it is trained."""
    ranking = read_neighbours(files.ranking) if files.ranking else None
    return source_choice(sources, manifest, ranking, settings.source_loss_scale)


def _classifier_classes(
    files: RoundFiles, images: ImageFolders, settings: TrainingSettings, data_root: Path
) -> ClassifierClasses | None:
    """What the pre-trained classifier tells apart, where the source's head starts from it."""
    if not files.source_images:
        return None
    listed = settings.source_head_classes
    return read_classifier_classes(
        None if listed is None else data_root / listed,
        dict(zip(images.sources, files.source_images, strict=True)),
        trained_on=files.classifier,
    )
