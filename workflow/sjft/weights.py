"""A torchvision network with the weights that the configuration names."""

import difflib
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from struct import error as StructError
from urllib.error import URLError

import torch
from torch import Tensor, nn
from torchvision import models

from sjft.errors import UserError
from sjft.files import digest_of_file, digest_of_text
from sjft.settings.weights import FileWeights, RandomWeights, TorchvisionWeights, Weights

IMAGENET_CLASSES = 1000
# What torch.load raises on bytes that are no file of its own, or only the beginning of one.
LOADING_ERRORS = (
    *(OSError, RuntimeError, UnpicklingError, EOFError, ValueError),
    *(LookupError, TypeError, AttributeError, StructError),
)
OPTIONAL = ".num_batches_tracked"  # not in files of before torch 0.4; torch starts it at 0


def load_network(name: str, weights: Weights, data_root: Path) -> nn.Module:
    """Build torchvision's network ``name`` with its classifier, and load its weights, strictly.

    The classifier has as many classes as the weights have. Raises `UserError` for an unknown
    name, weights that cannot be had, and weights that do not fit (naming the first tensors).
    """
    _check_name(name)
    state = _state(name, weights, data_root)
    if state is None:
        assert isinstance(weights, RandomWeights)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(weights.seed)
            return _build(name, IMAGENET_CLASSES)
    network = _build(name, IMAGENET_CLASSES)
    rows = state.get(f"{classifier_name(network)}.weight")
    if rows is not None and len(rows) != IMAGENET_CLASSES:
        network = _build(name, len(rows))
    _check_fit(network, state, f"the weights of {name} ({describe(weights, data_root)})")
    network.load_state_dict(state)
    return network


def _check_name(name: str) -> None:
    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        raise UserError(
            f"network: torchvision has no classification network {name!r}. "
            f"{'Near it: ' + ', '.join(near) + '. ' if near else ''}"
            "`python -c 'import torchvision.models as m; print(m.list_models(module=m))'` "
            "lists them."
        )


def _build(name: str, classes: int) -> nn.Module:
    # With auxiliary classifiers, as these networks' weights have them; they see neither of our
    # tasks, and are taken off later. Their published weights expect the inputs transformed.
    inception = name in {"googlenet", "inception_v3"}
    options = {"init_weights": True, "transform_input": True} if inception else {}
    network: nn.Module = models.get_model(name, weights=None, num_classes=classes, **options)
    return network


def without_auxiliary_classifiers(network: nn.Module) -> nn.Module:
    """Take off the auxiliary classifiers of GoogLeNet and Inception, in place."""
    for attribute in ("aux1", "aux2", "AuxLogits"):
        if getattr(network, attribute, None) is not None:
            setattr(network, attribute, None)
            network.aux_logits = False  # type: ignore[assignment]  # a plain attribute
    return network


def classifier_name(network: nn.Module) -> str:
    """Dotted name of the layer that gives the class scores: the last linear or convolution."""
    names: list[str] = [
        name for name, m in network.named_modules() if isinstance(m, nn.Linear | nn.Conv2d)
    ]
    return names[-1]


def _state(name: str, weights: Weights, data_root: Path) -> dict[str, Tensor] | None:
    if isinstance(weights, TorchvisionWeights):
        return _download(name, weights.name)
    if isinstance(weights, FileWeights):
        return _read(data_root / weights.path)
    return None


def _download(network: str, name: str) -> dict[str, Tensor]:
    try:
        entry = models.get_model_weights(network)[name]
    except (KeyError, ValueError):
        known = [entry.name for entry in models.get_model_weights(network)]
        raise UserError(
            f"weights: torchvision has no weights {name!r} for {network!r}; allowed: "
            f"{', '.join(known) or 'none'}."
        ) from None
    try:
        state: dict[str, Tensor] = entry.get_state_dict(progress=False, check_hash=True)
    except URLError as error:
        raise UserError(
            f"weights: {entry.url} cannot be fetched ({error.reason}). Put the file into "
            f"{Path(torch.hub.get_dir()) / 'checkpoints'} by hand, or name a local file "
            "(`weights: {source: file, path: ...}`)."
        ) from None
    return state


def _read(path: Path) -> dict[str, Tensor]:
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"weights: there is no file {path}.") from None
    except LOADING_ERRORS as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(
            f"weights: {path} is not a file of tensors that torch.load reads with "
            f"weights_only=True ({reason}). Save it again with "
            "`torch.save(network.state_dict(), path)`."
        ) from None
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()):
        raise UserError(f"weights: {path} holds no state dictionary (names with tensors).")
    # Networks trained under DataParallel carry this prefix, those of Places among them.
    state = OrderedDict((str(k).removeprefix("module."), v) for k, v in content.items())
    if hasattr(content, "_metadata"):  # layout versions by module; MNASNet asks for its own
        versions = content._metadata.items()
        state._metadata = {  # type: ignore[attr-defined]
            k.removeprefix("module").removeprefix("."): v for k, v in versions
        }
    return state


def _check_fit(network: nn.Module, state: Mapping[str, Tensor], what: str) -> None:
    own = network.state_dict()
    problems = [
        f"{name}: missing"
        if name not in state
        else f"{name}: has shape {tuple(state[name].shape)}, needs {tuple(tensor.shape)}"
        for name, tensor in own.items()
        if (name not in state and not name.endswith(OPTIONAL))
        or (name in state and state[name].shape != tensor.shape)
    ]
    problems += [f"{name}: not in the network" for name in state if name not in own]
    if problems:
        more = f"\n  and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise UserError(f"{what} do not fit:\n  " + "\n  ".join(problems[:5]) + more)


def describe(weights: Weights, data_root: Path) -> str:
    """One line that says which weights these are."""
    if isinstance(weights, FileWeights):
        return str(data_root / weights.path)
    if isinstance(weights, TorchvisionWeights):
        return f"torchvision {weights.name}"
    return f"random, seed {weights.seed}"


def digest_of_weights(weights: Weights, data_root: Path) -> str:
    """Digest of a file's content, or of the name of published or random weights."""
    if isinstance(weights, FileWeights):
        return digest_of_file(data_root / weights.path)
    return digest_of_text(describe(weights, data_root))
