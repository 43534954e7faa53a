"""Publishing: from the files of an experiment's chosen run to the model and its card."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.data.table import read_images
from sjft.model.card import write_model_card
from sjft.model.provenance import provenance
from sjft.model.publication import publish_model
from sjft.networks.joint import load_joint_network
from sjft.networks.pretrained import digest_of_weights
from sjft.reports.summary import read_summary
from sjft.selection.subset import read_manifest
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.known_part import known_part
from sjft.settings.weights import Weights
from sjft.storage.files import digest_of_file, read_json


@dataclass(frozen=True)
class PublishedRun:
    """What is published of ``experiment``, the run of an ``arm``, and from what it was made.

    ``settings`` are the configuration's sections with all that decides the model, ``code`` the
    fingerprints of the scripts. ``images`` are the lists of the target and then of each source, by
    name; ``model``, ``subset``, ``targets`` are the last round's. ``weights`` is the file that
    training started from, None where it has none.
    """

    experiment: str
    arm: str
    settings: Mapping[str, Any]
    code: Mapping[str, str]
    model: Path
    subset: Path
    targets: Path
    evaluation: Path
    summary: Path
    images: Mapping[str, Path]
    weights: Path | None


def published_names(settings: Mapping[str, Any], experiment: str) -> tuple[str, ...]:
    """The target and then each source, of an experiment among these settings."""
    values = _of_experiment(settings, experiment)
    return (values.target, *values.sources)


def published_weights(settings: Mapping[str, Any], experiment: str, arm: str) -> Weights:
    """What the published arm's training starts from."""
    return _of_experiment(settings, experiment).arm(arm).training.weights


def _of_experiment(settings: Mapping[str, Any], experiment: str) -> ExperimentSettings:
    return known_part(ExperimentSettings, settings["experiments"][experiment])


def publish(run: PublishedRun, model: Path, card: Path) -> None:
    """Write the published model and its card."""
    experiment = _of_experiment(run.settings, run.experiment)
    arm = experiment.arm(run.arm)
    evaluation, summary = read_json(run.evaluation), read_summary(run.summary)
    trained = {"subset": run.subset, "targets": run.targets, "model": run.model}
    digests = {name: digest_of_file(path) for name, path in trained.items()}
    facts = provenance(
        settings=run.settings,
        arm=arm,
        code=run.code,
        tables={name: read_images(path) for name, path in run.images.items()},
        manifest=read_manifest(run.subset, run.targets),
        inputs={"first weights": digest_of_weights(arm.training.weights, run.weights), **digests},
        evaluation=evaluation,
    )
    network = load_joint_network(run.model)
    publish_model(model, network, arm.training, experiment.evaluation, facts)
    write_model_card(card, run.experiment, facts, evaluation["classes"], summary)
