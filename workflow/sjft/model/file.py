"""Published models: reading, describing and rebuilding them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from torch import nn
from torchvision import models

from sjft.errors import NotAsWrittenError, UserError
from sjft.model.publication import KIND, VERSION, WITHOUT_CHECKSUM
from sjft.storage.torch_file import read_torch_of_any_version

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class PublishedModel:
    """A plain torchvision network in evaluation mode, and what its file says beside the weights."""

    network: nn.Module
    facts: dict[str, Any]

    @property
    def classes(self) -> list[str]:
        """The class names, in the order of the scores."""
        return list(self.facts["classes"])

    @property
    def preprocessing(self) -> dict[str, Any]:
        """How a picture becomes an input; the keys are those of `publish_model`."""
        return dict(self.facts["preprocessing"])


def load_published(path: Path) -> PublishedModel:
    """Read a `model.pt` that `publish_model` wrote; raises `UserError` for any other file."""
    content = _read(path)
    network = plain_network(content)
    network.load_state_dict(content.pop("state_dict"))
    return PublishedModel(network.eval(), content)


def plain_network(facts: dict[str, Any]) -> nn.Module:
    """The torchvision network that a published model's ``facts`` name, without its weights."""
    network: nn.Module = models.get_model(
        facts["network"], num_classes=len(facts["classes"]), **facts["network_options"]
    )
    return network


def describe_published(path: Path) -> str:
    """What a model says of itself, as YAML, with the size of its weights.

    Raises `UserError` for a file that is no published model.
    """
    content = _read(path)
    state = content.pop("state_dict")
    numbers = sum(tensor.numel() for tensor in state.values())
    content["state_dict"] = f"{len(state)} tensors, {numbers:,} numbers"
    return f"{path}\n{as_yaml(content).rstrip()}"


def as_yaml(values: Mapping[str, Any]) -> str:
    """Plain values as YAML in their own order, the innermost lists and sections on a line each."""
    text: str = yaml.safe_dump(
        dict(values), sort_keys=False, allow_unicode=True, width=100, default_flow_style=None
    )
    return text


def _read(path: Path) -> dict[str, Any]:
    try:
        content, sealed = read_torch_of_any_version(path)
    except NotAsWrittenError as error:
        raise UserError(
            f"{path}: cannot be read as a model: it {error.reason}. Copy it anew from where it "
            "came, or remove it and publish it again: `snakemake results/EXPERIMENT/model.pt`."
        ) from None
    if not isinstance(content, dict) or content.get("format") != KIND:
        raise UserError(f"{path}: is no published model. Name results/EXPERIMENT/model.pt.")
    version = content["format_version"]
    if version not in (WITHOUT_CHECKSUM, VERSION) or sealed != (version == VERSION):
        raise UserError(
            f"{path}: is of version {version}, {'with' if sealed else 'without'} a checksum; "
            f"this program reads {WITHOUT_CHECKSUM} without and {VERSION} with one. Publish it "
            "again: `snakemake results/EXPERIMENT/model.pt`."
        )
    if not sealed:
        LOG.warning(
            "%s: an older version wrote it, without a checksum of the whole file. Those of "
            "its parts hold.",
            path,
        )
    return content
