"""A network with the weights that the configuration names, from a file."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from sjft.networks.architecture import build, check_name, classifier_name
from sjft.networks.foreign_weights import OPTIONAL, find_weights
from sjft.networks.weights_file import require_regular
from sjft.settings.weights import RandomWeights, Weights
from sjft.storage.files import digest_of_file, digest_of_text

IMAGENET_CLASSES = 1000


def load_network(name: str, weights: Weights, file: Path | None) -> nn.Module:
    """Build network ``name`` with its classifier, and load its weights, strictly.

    ``file`` holds the weights; random ones need none. The classifier has as many classes as the
    weights have. Raises `UserError` for an unknown name, a file that cannot be read, and weights
    that do not fit (naming the first tensors).
    """
    check_name(name)
    if isinstance(weights, RandomWeights):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(weights.seed)
            return _build(name, IMAGENET_CLASSES)
    assert file is not None
    network = _build(name, IMAGENET_CLASSES)
    found = find_weights(file, network.state_dict())
    rows = found.state.get(f"{classifier_name(network)}.weight")
    if rows is not None and rows.ndim and len(rows) not in (0, IMAGENET_CLASSES):
        network = _build(name, len(rows))
    found.require_fit(name, network.state_dict())
    network.load_state_dict(completed_state(found.state, network.state_dict()))
    return network


def completed_state(
    found: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> OrderedDict[str, Tensor]:
    """With what files of other programs lack: numbers of batches, and torch's layout versions.

    Without versions they are taken for the network's own, as MNASNet asks for one.
    """
    state = OrderedDict(found)
    versions = getattr(found, "_metadata", None)
    state._metadata = own._metadata if versions is None else versions  # type: ignore[attr-defined]
    for name, tensor in own.items():
        if name.endswith(OPTIONAL):
            state.setdefault(name, tensor)
    return state


def _build(name: str, classes: int) -> nn.Module:
    # With auxiliary classifiers, as these networks' weights have them; they see neither of our
    # tasks, and are taken off later. Their published weights expect the inputs transformed.
    inception = name in {"googlenet", "inception_v3"}
    options = {"init_weights": True, "transform_input": True} if inception else {}
    return build(name, classes, **options)


def without_auxiliary_classifiers(network: nn.Module) -> nn.Module:
    """Take off the auxiliary classifiers of GoogLeNet and Inception, in place."""
    for attribute in ("aux1", "aux2", "AuxLogits"):
        if getattr(network, attribute, None) is not None:
            setattr(network, attribute, None)
            network.aux_logits = False  # type: ignore[assignment]  # a plain attribute
    return network


def describe(weights: Weights, file: Path | None) -> str:
    """One line that says which weights these are."""
    if isinstance(weights, RandomWeights):
        return f"random, seed {weights.seed}"
    return str(file)


def digest_of_weights(weights: Weights, file: Path | None) -> str:
    """Digest of the file's content, or of what random weights are made of.

    Raises `UserError` for a file that cannot be read.
    """
    if file is not None and file.exists():
        require_regular(file)
    return digest_of_text(describe(weights, file)) if file is None else digest_of_file(file)
