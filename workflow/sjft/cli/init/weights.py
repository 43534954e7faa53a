"""Which network is trained, and from which weights: given ones, ones that are here, or random."""

import difflib
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn
from torchvision import models

from sjft.cli.init.layout import absolute
from sjft.errors import UserError
from sjft.layout import WEIGHTS
from sjft.model.publication import KIND
from sjft.networks.architecture import check_name
from sjft.networks.pretrained import load_network
from sjft.networks.torchvision_weights import places_of, published_name
from sjft.networks.weights_file import read_weights
from sjft.settings.weights import (
    TIMM,
    ExperimentWeights,
    FileWeights,
    RandomWeights,
    TorchvisionWeights,
    Weights,
)

# Published weights that are looked for, in this order; the first is what is advised.
ON_GPU = (("resnet50", "IMAGENET1K_V2"),)
ON_CPU = (
    ("resnet18", "IMAGENET1K_V1"),
    ("mobilenet_v2", "IMAGENET1K_V1"),
    ("squeezenet1_1", "IMAGENET1K_V1"),
)
# From random weights on a CPU, the first that learns enough in the time that there is.
FROM_RANDOM = ("resnet18", "shufflenet_v2_x0_5")
WORDS = ("auto", "random", "published", "source")
CLASSES_OF_CHECK = 10
# Larger inputs that are tried in turn where a network refuses the size that suits the images.
LARGER_SIZES = (64, 96, 128, 160, 192, 224, 240, 256, 288, 299, 320, 384, 518)


@dataclass(frozen=True)
class Start:
    """A network and its weights; ``file`` is theirs where it is here. ``why`` is for the user."""

    network: str
    weights: Weights
    file: Path | None
    why: str

    @property
    def pretrained(self) -> bool:
        """Whether the weights have been trained before."""
        return not isinstance(self.weights, RandomWeights)

    @property
    def learned(self) -> bool:
        """Whether they are learned from the source first."""
        return isinstance(self.weights, ExperimentWeights)

    @property
    def kind(self) -> Literal["learned", "pretrained", "random"]:
        """What the weights are."""
        if self.learned:
            return "learned"
        return "pretrained" if self.pretrained else "random"


def possible_starts(
    given: str, network: str | None, on_gpu: bool, data_root: Path, learned: str
) -> tuple[Start, ...]:
    """What training may start from, the best one first; which one fits the time is seen later.

    ``given`` is one of `WORDS`, or a file; ``learned`` the experiment that learns the source, where
    that is what is given. Raises `UserError` for an unknown network or one of
    timm's, and weights that do not fit it.
    """
    if network is not None:
        _require_torchvisions(network, "--network")
        check_name(network)
    if given not in WORDS:
        return (_from_file(given, network),)
    from_random = (network,) if network else FROM_RANDOM
    if given == "source":
        own = ExperimentWeights(source="experiment", experiment=learned)
        why = "learned from the source first, as --weights source says"
        return tuple(Start(name, own, None, why) for name in from_random)
    if given == "random":
        return tuple(_random(name, "as --weights random says") for name in from_random)
    wanted = _wanted(network, on_gpu)
    here = [(pair, file) for pair in wanted for file in _places(*pair, data_root) if file.is_file()]
    if here:
        (name, weights), file = here[0]
        return (_published(name, weights, file, f"they are here already: {file}"),)
    if wanted and (given == "published" or on_gpu):
        return (_published(*wanted[0], None, _what_is_downloaded(*wanted[0])),)
    if given == "published":
        raise UserError(f"--weights published: torchvision publishes none for {network}.")
    advice = "no pre-trained weights are here"
    if wanted:
        advice += (
            "; they would help much. `--weights published` takes "
            f"{wanted[0][0]}'s: {_what_is_downloaded(*wanted[0])}"
        )
    advice += ". `--weights source` learns some from the source first"
    return tuple(_random(name, advice) for name in from_random)


def _require_torchvisions(network: str, where: str) -> None:
    if network.startswith(TIMM):
        raise UserError(
            f"{where} {network}: sizes are known of torchvision's networks alone. Write a "
            "configuration with one of these, and change its `training.network`: docs/training.md, "
            "timm's networks."
        )


def _wanted(network: str | None, on_gpu: bool) -> Sequence[tuple[str, str]]:
    if network is None:
        return ON_GPU if on_gpu else ON_CPU
    names = [entry.name for entry in models.get_model_weights(network)]
    chosen = dict((*ON_GPU, *ON_CPU)).get(network)
    return [(network, chosen or names[0])] if names else []


def _places(network: str, weights: str, data_root: Path) -> Iterator[Path]:
    """Where the rule `fetch_weights` leaves them, and where it looks before it downloads."""
    yield Path(WEIGHTS.of(network=network, weights=weights))
    yield from places_of(published_name(network, weights), data_root)


def _what_is_downloaded(network: str, weights: str) -> str:
    size = models.get_model_weights(network)[weights].meta["_file_size"]
    return (
        f"the rule fetch_weights downloads {size:.0f} MB to "
        f"{WEIGHTS.of(network=network, weights=weights)}"
    )


def _published(network: str, name: str, file: Path | None, why: str) -> Start:
    return Start(network, TorchvisionWeights(source="torchvision", name=name), file, why)


def _random(network: str, why: str) -> Start:
    if not has_batch_norm(network):
        why += "; without batch norm it learns slowly from random ones"
    return Start(network, RandomWeights(source="random", seed=0), None, why)


def _from_file(given: str, network: str | None) -> Start:
    file = absolute(Path(given))
    if not os.path.isfile(file):  # noqa: PTH113  (no error for a name that is too long)
        near = difflib.get_close_matches(given, WORDS, n=1)
        raise UserError(
            f"--weights {given}: there is no such file. "
            f"{f'Did you mean `{near[0]}`? ' if near else ''}Give a file of weights, or one of "
            f"{', '.join(WORDS)}."
        )
    name = network or _network_named(file)
    weights = FileWeights(source="file", path=str(file))
    load_network(name, weights, file)
    return Start(name, weights, file, "as --weights says; they fit")


def _network_named(file: Path) -> str:
    """torchvision's network whose name a file's begins with, the longest such, or a model's own."""
    name = file.name.lower().replace("-", "_")
    fitting = [known for known in models.list_models(module=models) if name.startswith(known)]
    if fitting:
        return str(max(fitting, key=len))
    content = read_weights(file)
    if isinstance(content, Mapping) and content.get("format") == KIND:
        _require_torchvisions(content["network"], f"--weights {file}: they are of")
        return str(content["network"])
    raise UserError(
        f"--weights {file}: of which network these are, its name does not say. Give --network "
        "NAME as torchvision calls it, for example --network resnet50."
    )


def network_on_meta(name: str) -> nn.Module:
    """The network without memory for its weights: to be looked at."""
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of initialisations that cost nothing here
        network: nn.Module = models.get_model(name, weights=None, num_classes=CLASSES_OF_CHECK)
    return network


def accepted_size(name: str, wanted: int) -> int:
    """The size of input that is wanted, or the next larger one that the network can take.

    Raises `UserError` where it takes none.
    """
    network = network_on_meta(name).train()
    for size in (wanted, *(size for size in LARGER_SIZES if size > wanted)):
        try:
            network(torch.empty(2, 3, size, size, device="meta"))
        except (RuntimeError, ValueError, AssertionError):
            continue
        return size
    raise UserError(f"--network {name}: takes images of none of the usual sizes.")


def has_batch_norm(name: str) -> bool:
    """Whether a network normalises by batches, and so stands a higher learning rate."""
    return any(
        isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network_on_meta(name).modules()
    )


def first_layers(name: str) -> tuple[str, ...]:
    """The first two convolutions: of AlexNet, the paper's."""
    modules = network_on_meta(name).named_modules()
    return tuple(path for path, module in modules if isinstance(module, nn.Conv2d))[:2]
