"""Published models: reading, describing and rebuilding them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from sjft.errors import NotAsWrittenError, UserError
from sjft.model.publication import KIND, VERSION, WITHOUT_CHECKSUM
from sjft.networks.architecture import build, check_name
from sjft.settings.evaluation import EvaluationSettings
from sjft.settings.quoting import shortened
from sjft.settings.training import TrainingSettings
from sjft.settings.yaml_file import as_yaml
from sjft.storage.torch_file import read_torch

LOG = logging.getLogger(__name__)
# The options of networks that are published; others may name files, or have weights downloaded.
OPTIONS = {"aux_logits", "init_weights", "transform_input"}
# What is raised where a file with the right checksum holds something else than a model.
UNUSABLE = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RuntimeError)


@dataclass(frozen=True)
class PublishedModel:
    """A plain network in evaluation mode, and what its file says beside the weights."""

    network: nn.Module
    facts: dict[str, Any]

    @property
    def classes(self) -> list[str]:
        """The class names, in the order of the scores."""
        return list(self.facts["classes"])

    @property
    def preprocessing(self) -> dict[str, Any]:
        """How an image becomes an input; the keys are those of `publish_model`."""
        return dict(self.facts["preprocessing"])


def load_published(path: Path) -> PublishedModel:
    """Read a `model.pt` that `publish_model` wrote; raises `UserError` for any other file.

    A checksum tells damage alone: whoever made the file may have written anything else.
    """
    content = read_published(path)
    try:
        _require_class_names(content["classes"])
        if problem := misfit(content):
            raise ValueError(problem)
        network = plain_network(content)
        network.load_state_dict(content.pop("state_dict"))
        model = PublishedModel(network.eval(), content)
        settings_of(model, 1)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except UNUSABLE as error:
        raise UserError(
            f"{path}: cannot be used as a model: it does not hold what one must hold "
            f"({type(error).__name__}: {shortened(str(error), 200)}). Copy it anew from where it "
            "came, or publish it again."
        ) from None
    return model


def _require_class_names(classes: Any) -> None:
    if not (isinstance(classes, list) and classes and all(isinstance(c, str) for c in classes)):
        raise ValueError("classes: a list of names is expected")
    for name in classes:
        name.encode("utf-8")
    if "" in classes or len(set(classes)) < len(classes):
        raise ValueError("classes: a name is empty, or stands twice")


def misfit(content: Mapping[str, Any]) -> str | None:
    """How the weights of a model differ from its plain network's, by name and shape."""
    with torch.device("meta"):  # without memory, and without numbers drawn for nothing
        network = plain_network(content)
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in content["state_dict"].items()}
    odd = [n for n in {**expected, **found} if expected.get(n) != found.get(n)]
    return f"{odd[0]} is {found.get(odd[0])}, not {expected.get(odd[0])}" if odd else None


def settings_of(model: PublishedModel, batch: int) -> tuple[EvaluationSettings, TrainingSettings]:
    """The published preprocessing, as scoring takes it; of training it sees pixels alone."""
    known = model.preprocessing
    views = {key: known[key] for key in ("scales", "crops", "mirror")}
    return (
        EvaluationSettings.model_validate({**views, "batch": batch}),
        TrainingSettings.model_validate(
            {
                "input_size": known["crop"],
                "resize": (known["crop"], known["crop"]),
                "mean": known["mean"],
                "std": known["std"],
            }
        ),
    )


def plain_network(facts: Mapping[str, Any]) -> nn.Module:
    """The network that a published model's ``facts`` name, without its weights.

    Raises `ValueError` for other options than published ones have, and `UserError` for a network
    that is not known, or one of timm's where that is not installed.
    """
    if odd := set(facts["network_options"]) - OPTIONS:
        raise ValueError(f"network_options: {min(odd)} is none of {', '.join(sorted(OPTIONS))}")
    check_name(facts["network"])
    return build(facts["network"], len(facts["classes"]), **facts["network_options"])


def described(content: Mapping[str, Any]) -> str:
    """What a model, as `read_published` gives it, says of itself: YAML, with its weights' size."""
    state = content["state_dict"]
    numbers = sum(tensor.numel() for tensor in state.values())
    return as_yaml({**content, "state_dict": f"{len(state)} tensors, {numbers:,} numbers"}).rstrip()


def read_published(path: Path) -> dict[str, Any]:
    """All that `publish_model` wrote, with the ``state_dict``; raises `UserError` for another."""
    try:
        content = read_torch(
            path,
            kind=KIND,
            version=VERSION,
            name="published model",
            unsealed_version=WITHOUT_CHECKSUM,
        )
    except NotAsWrittenError as error:
        raise UserError(
            f"{path}: cannot be read as a model: it {error.reason}. Publish it again (remove it, "
            "then `snakemake results/EXPERIMENT/model.pt`), or copy it anew from where it came."
        ) from None
    if content["format_version"] == WITHOUT_CHECKSUM:
        LOG.warning(
            "%s: an older version wrote it, without a checksum of the whole file. Those of "
            "its parts hold.",
            path,
        )
    return content
