"""What networks and filter banks say to their settings, asked without memory for any weight.

Networks are built of *meta* tensors, which have a shape and no numbers: building the largest and
passing a batch through it takes half a second. A question is a mapping of plain values (see
`sjft.checks.answers`), an answer a list of (key below the question's own, message).

In a process of its own `main` answers a JSON list of questions from its input, so that whoever asks
need not load torch.
"""

import json
import math
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from torch import nn
from torchvision import models

from sjft.data.synthetic import CONTENTS, STYLES
from sjft.descriptors.banks import bank_settings, make_bank
from sjft.errors import UserError
from sjft.networks.architecture import check_name, classifier_name
from sjft.networks.joint import joint_network
from sjft.networks.meta import META, EmptyOnMeta
from sjft.networks.pretrained import load_network
from sjft.networks.source_head import ClassifierClasses, read_class_list
from sjft.networks.torchvision_weights import published_name
from sjft.settings.banks.common import FilterBankSettings
from sjft.settings.quoting import shortened
from sjft.settings.weights import (
    ExperimentWeights,
    FileWeights,
    RandomWeights,
    TorchvisionWeights,
    Weights,
)
from sjft.training.batch_norm import norms_of, set_training_mode

Answer = list[tuple[str, str]]
ANY = RandomWeights(source="random", seed=0)
# What networks are made for; of a network that refuses a size, those are tried.
SIZES = (32, 48, 64, 80, 96, 128, 160, 192, 224, 256, 299, 384, 512)
# What torch and torchvision raise where shapes do not fit; networks' own checks are assertions.
MISFITS = (RuntimeError, ValueError, AssertionError, TypeError, LookupError, ArithmeticError)


def _loaded(name: str, weights: Weights, file: Path | None) -> nn.Module:
    """A network of meta tensors that its weights, where there is a file, have been fitted to."""
    with EmptyOnMeta(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that copying into meta tensors does nothing
        return load_network(name, weights if file else ANY, file).to(META)


def ask_training(question: Mapping[str, Any]) -> Answer:
    """Whether a round can be trained: network, weights, input size and batch."""
    name, size = question["network"], question["input_size"]
    try:
        check_name(name)
    except UserError as error:
        return [("network", _without_key(error))]
    found = _of_weights(name, question)
    module = _joint(name, question["sources"] > 0)
    separate = question["batch_norm"] == "separate"
    if separate and question["sources"] and not norms_of(module):
        found.append(("batch_norm", f"{name} has none that could be `separate`. Allowed: shared"))
    set_training_mode(module, frozen=question["batch_norm"] == "frozen")
    halves = {"target_batch": question["targets"], "source_batch": question["sources"]}
    if not separate:
        halves = {"target_batch": question["targets"] + question["sources"]}
    key, images = min(halves.items(), key=lambda half: half[1] or math.inf)
    refusal = _refusal(module, images, size)
    if refusal and "more than 1 value per channel" in refusal:
        found.append((key, _too_small(question, images)))
    elif refusal:
        fitting = [s for s in SIZES if not _refusal(module, max(images, 2), s)]
        found.append(
            (
                "input_size",
                f"{name} cannot take images of {size} px ({refusal}). "
                f"{_allowed_sizes(fitting, size)}",
            )
        )
    return found


def _joint(name: str, with_sources: bool) -> nn.Module:
    with EmptyOnMeta():
        network = joint_network(name, ANY, None, ["a", "b"], ["c", "d"] * with_sources, 0)
    return network.module.to(META)


def _refusal(module: nn.Module, images: int, size: int) -> str | None:
    """Why a network cannot take a batch [images, 3, size, size], in a line; None where it can."""
    try:
        with torch.no_grad():
            module(torch.empty(images, 3, size, size, device=META))
    except MISFITS as error:
        return shortened((str(error).splitlines() or [type(error).__name__])[0].rstrip("."), 160)
    return None


def _too_small(question: Mapping[str, Any], images: int) -> str:
    shared = f" of each of {question['processes']} processes" if question["processes"] > 1 else ""
    least = 2 * question["processes"]
    freeze = "" if question["scratch"] else ", or batch_norm: frozen"
    return (
        f"a forward pass{shared} holds {images} image, of which {question['network']} at "
        f"input_size {question['input_size']} leaves one value a channel, and batch norm needs "
        f"two. Allowed: {least} and more{freeze}"
    )


def _allowed_sizes(fitting: Sequence[int], size: int) -> str:
    if not fitting:
        return "No usual size was found that it takes"
    if len(fitting) == 1:
        return f"Allowed: {fitting[0]}"
    if fitting == [s for s in SIZES if s >= fitting[0]]:
        return f"Allowed: sizes such as {fitting[0]} and more"
    return f"Allowed, of the usual sizes: {', '.join(map(str, fitting))}"


def _of_weights(name: str, question: Mapping[str, Any]) -> Answer:
    weights: Weights = TypeAdapter(Weights).validate_python(question["weights"])
    try:
        if isinstance(weights, TorchvisionWeights):
            published_name(name, weights.name)
            return _of_other_size(name, weights.name)
        if isinstance(weights, FileWeights) and question["file"]:
            _loaded(name, weights, Path(question["file"]))
    except UserError as error:
        key = "weights.path" if isinstance(weights, FileWeights) else "weights.name"
        return [(key, _without_key(error))]
    return []


def _of_other_size(name: str, weights: str) -> Answer:
    """Vision transformers have a weight for each place: those of other sizes do not fit."""
    entries = models.get_model_weights(name)
    with EmptyOnMeta():
        own = getattr(models.get_model(name, weights=None), "image_size", None)
    if own is None or entries[weights].meta["min_size"] == (own, own):
        return []
    allowed = [e.name for e in entries if e.meta["min_size"] == (own, own)]
    return [
        (
            "weights.name",
            f"{weights} is for images of {entries[weights].meta['min_size'][0]} px, {name} as it "
            f"is built here takes {own}. Allowed: {', '.join(allowed)}",
        )
    ]


def ask_source_head(question: Mapping[str, Any]) -> Answer:
    """Whether the source's head finds its classes among those of the weights' classifier."""
    weights: Weights = TypeAdapter(Weights).validate_python(question["weights"])
    try:
        rows = _rows_of_classifier(question, weights)
    except UserError:  # said by `ask_training`
        return []
    sources: dict[str, list[str]] = question["sources"]
    names = [
        f"{source}/{name}" if len(sources) > 1 else name
        for source, classes in sources.items()
        for name in classes
    ]
    try:
        named = question["classifier"]
        listed = read_class_list(Path(question["listed"])) if question["listed"] else named
        ClassifierClasses(listed, sources).rows_of(names, rows)
    except UserError as error:
        key, _, message = str(error).removeprefix("training.").partition(": ")
        return [(key, message.rstrip("."))]
    return []


def _rows_of_classifier(question: Mapping[str, Any], weights: Weights) -> int:
    """How many classes the weights' classifier tells apart; raises `UserError` as loading does."""
    if isinstance(weights, ExperimentWeights):
        return len(question["classifier"])
    check_name(question["network"])
    file = Path(question["file"]) if question["file"] else None
    network = _loaded(question["network"], weights, file)
    return len(network.state_dict()[f"{classifier_name(network)}.weight"])


def ask_bank(question: Mapping[str, Any]) -> Answer:
    """Whether a filter bank can be made: its network and weights, where it has some, and itself."""
    bank = bank_settings(question["bank"])
    found: Answer = []
    if (used := bank.network_weights) is not None:
        try:
            check_name(used.network)
        except UserError as error:
            return [("network", _without_key(error))]
        found = _of_weights(used.network, {"weights": used.weights, **question})
    return found + _of_making(bank)


def _of_making(bank: FilterBankSettings) -> Answer:
    """What a bank of meta tensors says to its settings: of a network, mostly to its layers."""
    used = bank.network_weights
    general = "type" if used is None else "layers"
    try:
        with EmptyOnMeta():
            make_bank(bank.without_file(), None, META)
    except UserError as error:
        key, _, rest = str(error).partition(": ")
        own = key in type(bank).model_fields and key != "network"
        return [(key, _on_a_line(rest)) if own else (general, _without_key(error))]
    except MISFITS as error:
        reason = shortened((str(error).splitlines() or [type(error).__name__])[0], 160)
        if used is None:
            return [(general, f"a bank of these settings cannot be made ({reason})")]
        return [(general, f"{used.network} cannot be cut off behind them ({reason})")]
    return []


def ask_images(question: Mapping[str, Any]) -> Answer:
    """Whether the shapes and styles of images to be made are known, each given once."""
    found: Answer = []
    for key, allowed in (("contents", CONTENTS), ("styles", STYLES)):
        names = question[key]
        unknown = [shortened(name) for name in names if name not in allowed]
        if unknown:
            found.append(
                (key, f"there is no {', '.join(unknown[:5])}. Allowed: {', '.join(allowed)}")
            )
        elif len(set(names)) < len(names):
            found.append((key, f"each may stand once, got {shortened(', '.join(names))}"))
    return found


def _without_key(error: UserError) -> str:
    """The message without the key that it begins with, on one line."""
    key, _, rest = str(error).partition(": ")
    text = rest if key in {"network", "weights", "layers", "crop"} else str(error)
    return _on_a_line(text)


def _on_a_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")


ASK: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
    "training": ask_training,
    "source_head": ask_source_head,
    "bank": ask_bank,
    "images": ask_images,
}


def answer(question: Mapping[str, Any]) -> Answer:
    """The answer to a question of a kind in `ASK`."""
    return ASK[question["ask"]](question)


def main() -> None:
    """Answer the questions of the input, in their order."""
    # What torch has to say on the way would stand among the answers.
    output, sys.stdout = sys.stdout, sys.stderr
    json.dump([answer(question) for question in json.load(sys.stdin)], output)
    output.flush()  # as it is not sys.stdout any more, nobody else does
