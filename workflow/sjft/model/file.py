"""Published models: reading, describing and rebuilding them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from sjft.errors import NotAsWrittenError, UserError
from sjft.model.publication import KIND, VERSION, WITHOUT_CHECKSUM
from sjft.networks.architecture import build
from sjft.settings.yaml_file import as_yaml
from sjft.storage.torch_file import read_torch

LOG = logging.getLogger(__name__)


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
    """Read a `model.pt` that `publish_model` wrote; raises `UserError` for any other file."""
    content = read_published(path)
    network = plain_network(content)
    network.load_state_dict(content.pop("state_dict"))
    return PublishedModel(network.eval(), content)


def plain_network(facts: dict[str, Any]) -> nn.Module:
    """The network that a published model's ``facts`` name, without its weights.

    Raises `UserError` for one of timm's where that is not installed.
    """
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
