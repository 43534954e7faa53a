"""A torchvision network with the weights that the configuration names, from a file."""

import difflib
import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from struct import error as StructError

import torch
from torch import Tensor, nn
from torchvision import models

from sjft.errors import UserError
from sjft.files import digest_of_file, digest_of_text
from sjft.settings.weights import RandomWeights, Weights

IMAGENET_CLASSES = 1000
# What torch.load raises on bytes that are no file of its own, or only the beginning of one.
LOADING_ERRORS = (
    *(OSError, RuntimeError, UnpicklingError, EOFError, ValueError),
    *(LookupError, TypeError, AttributeError, StructError),
)
OLD_DENSENET = re.compile(r"(denselayer\d+\.(?:norm|conv))\.(\d+\.)")
OPTIONAL = ".num_batches_tracked"  # not in files of before torch 0.4; torch starts it at 0


def load_network(name: str, weights: Weights, file: Path | None) -> nn.Module:
    """Build torchvision's network ``name`` with its classifier, and load its weights, strictly.

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
    state = _read(file)
    network = _build(name, IMAGENET_CLASSES)
    if name.startswith("densenet"):
        state = _with_new_names(state)
    rows = state.get(f"{classifier_name(network)}.weight")
    if rows is not None and len(rows) != IMAGENET_CLASSES:
        network = _build(name, len(rows))
    _check_fit(network, state, f"the weights of {name} ({describe(weights, file)})")
    network.load_state_dict(state)
    return network


def check_name(name: str) -> None:
    """Raise `UserError` for a network that torchvision does not have."""
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


def _with_new_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Published DenseNets name layers `norm.1` that torchvision calls `norm1` by now."""
    new = OrderedDict((OLD_DENSENET.sub(r"\1\2", name), v) for name, v in state.items())
    if hasattr(state, "_metadata"):
        new._metadata = state._metadata  # type: ignore[attr-defined]
    return new


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


def describe(weights: Weights, file: Path | None) -> str:
    """One line that says which weights these are."""
    if isinstance(weights, RandomWeights):
        return f"random, seed {weights.seed}"
    return str(file)


def digest_of_weights(weights: Weights, file: Path | None) -> str:
    """Digest of the file's content, or of what random weights are made of."""
    return digest_of_text(describe(weights, file)) if file is None else digest_of_file(file)
