"""Publishing: from the files of an experiment's candidates to the model and its card."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.data.table import read_images
from sjft.model.card import write_model_card
from sjft.model.provenance import provenance
from sjft.model.publication import publish_model
from sjft.networks.joint import load_joint_network
from sjft.networks.pretrained import digest_of_weights
from sjft.reports.choice import published_arm
from sjft.reports.summary import read_summary
from sjft.selection.subset import read_manifest
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.known_part import known_part
from sjft.settings.weights import name_of_weights, weights_file
from sjft.storage.files import digest_of_file, read_json
from sjft.storage.torch_file import require_whole


@dataclass(frozen=True)
class Publication:
    """What is published of an experiment, and what decides it.

    ``settings`` are the configuration's sections with all that decides the model, ``code`` the
    fingerprints of the scripts. ``candidates`` are the arms that may be published, each with the
    name of the file that a rule made for it to start from (`sjft.settings.weights`), or an empty
    one.
    """

    experiment: str
    settings: Mapping[str, Any]
    candidates: Mapping[str, str]
    code: Mapping[str, str]


@dataclass(frozen=True)
class CandidateFiles:
    """What there is of each candidate, in their order: its last round, and its evaluation.

    ``choice`` says which of them is published, where there is more than one; ``source_images``
    are in the order of the sources; ``weights`` those that a rule fetched, and ``learned`` the
    models of other experiments that training started from, each once.
    """

    models: Sequence[Path]
    subsets: Sequence[Path]
    targets: Sequence[Path]
    evaluations: Sequence[Path]
    choice: Path | None
    summary: Path
    target_images: Path
    source_images: Sequence[Path]
    weights: Sequence[Path]
    learned: Sequence[Path]

    def first_weights(self, name: str) -> Path | None:
        """The file of this name that a rule made; None where there is none."""
        made = (*self.weights, *self.learned)
        return next((path for path in made if name_of_weights(path) == name), None)


@dataclass(frozen=True)
class PublishedFiles:
    """What is written: the published model, and its card."""

    model: Path
    card: Path


def publish(
    what: Publication, files: CandidateFiles, data_root: Path, output: PublishedFiles
) -> None:
    """Write the published model and its card.

    ``data_root`` is the folder of the user's data. Raises `UserError` for a file that is damaged,
    and for a choice that is none of the candidates.
    """
    experiment = known_part(ExperimentSettings, what.settings["experiments"][what.experiment])
    candidates = list(what.candidates)
    arm = experiment.arm(published_arm(candidates, files.choice))
    place = candidates.index(arm.name)
    model, subset, targets = (kind[place] for kind in (files.models, files.subsets, files.targets))
    evaluation, summary = read_json(files.evaluations[place]), read_summary(files.summary)
    made = files.first_weights(what.candidates[arm.name])
    weights = weights_file(arm.training.weights, data_root, made)
    if weights is not None:
        require_whole(weights)  # that it was when training read it does not say that it still is
    trained = {"subset": subset, "targets": targets, "model": model}
    digests = {name: digest_of_file(path) for name, path in trained.items()}
    names = (experiment.target, *experiment.sources)
    lists = zip(names, (files.target_images, *files.source_images), strict=True)
    facts = provenance(
        settings=what.settings,
        arm=arm,
        code=what.code,
        tables={name: read_images(path) for name, path in lists},
        manifest=read_manifest(subset, targets),
        inputs={"first weights": digest_of_weights(arm.training.weights, weights), **digests},
        evaluation=evaluation,
    )
    network = load_joint_network(model)
    publish_model(output.model, network, arm.training, experiment.evaluation, facts)
    write_model_card(output.card, what.experiment, facts, evaluation["classes"], summary)
