"""One network with a shared trunk and two heads (paper, section 3.1)."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sjft.errors import UserError
from sjft.networks.architecture import classifier_name
from sjft.networks.pretrained import load_network, without_auxiliary_classifiers
from sjft.networks.source_head import ClassifierClasses, copy_rows
from sjft.settings.weights import RandomWeights, Weights
from sjft.storage.torch_file import read_torch, write_torch

KIND, VERSION = "sjft-model", 1
LOG = logging.getLogger(__name__)


class TwoHeads(nn.Module):
    """Two classifiers side by side in the place of a network's own.

    Scores are [images, target classes + source classes, ...]: whatever the network does behind
    its classifier (SqueezeNet pools, for one) it does to both. Without source classes there is
    the target's head alone.
    """

    def __init__(self, target: nn.Module, source: nn.Module | None) -> None:
        """Put two layers of the same kind side by side."""
        super().__init__()
        self.target = target
        self.source = source

    def forward(self, features: Tensor) -> Tensor:
        """Scores of both heads, the target's first."""
        scores: Tensor = self.target(features)
        if self.source is None:
            return scores
        return torch.cat([scores, self.source(features)], dim=1)


@dataclass
class JointNetwork:
    """A network whose classifier is a `TwoHeads`, and the classes in the order of its scores."""

    name: str
    module: nn.Module
    target_classes: list[str]
    source_classes: list[str]

    @property
    def heads(self) -> TwoHeads:
        """The two heads."""
        found = [module for module in self.module.modules() if isinstance(module, TwoHeads)]
        return found[0]


def joint_network(
    name: str,
    weights: Weights,
    file: Path | None,
    target_classes: Sequence[str],
    source_classes: Sequence[str],
    seed: int,
    classifier_classes: ClassifierClasses | None = None,
) -> JointNetwork:
    """Build network ``name`` with its weights and two new heads, initialised from ``seed``.

    ``file`` holds the weights; random ones need none. With ``classifier_classes`` the source's
    head takes the rows of the weights' own classifier for the classes that it knows.
    """
    if isinstance(weights, RandomWeights):
        weights = RandomWeights(source="random", seed=(weights.seed + seed) % 2**31)
    network = without_auxiliary_classifiers(load_network(name, weights, file))
    path = classifier_name(network)
    layer = network.get_submodule(path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = TwoHeads(
            _like(layer, len(target_classes)),
            _like(layer, len(source_classes)) if source_classes else None,
        )
    if classifier_classes is not None and heads.source is not None:
        assert isinstance(layer, nn.Linear | nn.Conv2d)
        rows = classifier_classes.rows_of(source_classes, len(layer.weight))
        copy_rows(layer, heads.source, rows)
        LOG.info("%d of %d source classes have a pre-trained row", len(rows), len(source_classes))
    parent, _, attribute = path.rpartition(".")
    setattr(network.get_submodule(parent), attribute, heads)
    return JointNetwork(name, network, list(target_classes), list(source_classes))


def _like(layer: nn.Module, classes: int) -> nn.Module:
    """A new layer of the same kind with another number of outputs."""
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, classes, layer.bias is not None)
    assert isinstance(layer, nn.Conv2d)
    kernel = (layer.kernel_size[0], layer.kernel_size[1])
    return nn.Conv2d(layer.in_channels, classes, kernel, bias=layer.bias is not None)


def continue_from(network: JointNetwork, previous: JointNetwork) -> None:
    """Take over another round's weights: the trunk, the target's head, and known source classes.

    The subset may have gained classes; the new ones keep the rows that they have.
    """
    if network.target_classes != previous.target_classes:
        raise UserError("The last round was trained on other target classes. Remove it, run again.")
    own, old = network.module.state_dict(), previous.module.state_dict()
    place = {name: row for row, name in enumerate(previous.source_classes)}
    known = [name for name in network.source_classes if name in place]
    to = [network.source_classes.index(name) for name in known]
    came_from = [place[name] for name in known]
    prefix = classifier_name(network.module).rpartition(".")[0] + ".source."
    with torch.no_grad():
        for name, tensor in own.items():
            if not name.startswith(prefix):
                tensor.copy_(old[name])
            elif name in old:
                tensor[to] = old[name][came_from]


def save_network(path: Path, network: JointNetwork, facts: dict[str, Any]) -> None:
    """Write a network with both heads, atomically; ``facts`` are plain values."""
    content = {
        "format": KIND,
        "format_version": VERSION,
        "network": network.name,
        "target_classes": network.target_classes,
        "source_classes": network.source_classes,
        "state_dict": _portable(network.module.state_dict()),
        **facts,
    }
    write_torch(path, content)


def _portable(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """On the CPU, without the memory layout that training liked, with torch's layout versions.

    torchvision's MNASNet refuses a state dictionary that does not say its version.
    """
    portable = OrderedDict((k, v.detach().cpu().contiguous()) for k, v in state.items())
    portable._metadata = state._metadata  # type: ignore[attr-defined]
    return portable


def load_joint_network(path: Path) -> JointNetwork:
    """Read what `save_network` wrote; raises `UserError` for any other file."""
    try:
        content = read_torch(path, kind=KIND, version=VERSION, name="model of a training round")
    except UserError as error:
        raise UserError(f"{path}: cannot be read as a model. {error}") from None
    with torch.device("cpu"):
        network = joint_network(
            content["network"],
            RandomWeights(source="random", seed=0),
            None,
            content["target_classes"],
            content["source_classes"],
            seed=0,
        )
    network.module.load_state_dict(content["state_dict"])
    return network


def plain_state(network: JointNetwork) -> dict[str, Tensor]:
    """The weights under the plain network's own names, with the target's head as the classifier."""
    prefix = classifier_name(network.module)  # "....source", or "....target" without a source
    heads = prefix.rpartition(".")[0]
    state = _portable(network.module.state_dict())
    for name in [name for name in state if name.startswith(f"{heads}.")]:
        tensor = state.pop(name)
        if name.startswith(f"{heads}.target."):
            state[name.replace(f"{heads}.target.", f"{heads}.")] = tensor
    return state
