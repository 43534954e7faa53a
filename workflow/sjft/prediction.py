"""Prediction: a published model on anyone's pictures."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.transforms.v2 import functional as transforms

from sjft.batches import normalised
from sjft.errors import BadImageError, UserError
from sjft.images import SUFFIXES, load_rgb
from sjft.publication import KIND, VERSION
from sjft.weights import LOADING_ERRORS

PICTURES_A_BATCH = 32


@dataclass(frozen=True)
class PublishedModel:
    """A plain torchvision network in evaluation mode, its classes and its preprocessing."""

    network: nn.Module
    classes: list[str]
    preprocessing: dict[str, Any]

    def prepare(self, path: Path) -> Tensor:
        """A picture as float32 [3, crop, crop], normalised; raises `BadImageError`."""
        picture = transforms.resize(load_rgb(path), [self.preprocessing["resize"]], antialias=True)
        cropped = transforms.center_crop(picture, [self.preprocessing["crop"]] * 2)
        mean, std = (tuple(self.preprocessing[name]) for name in ("mean", "std"))
        return normalised(transforms.pil_to_tensor(cropped), mean, std)


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of one picture, or why it cannot be used."""

    path: Path
    classes: list[tuple[str, float]]
    error: str = ""


def load_published(path: Path) -> PublishedModel:
    """Read a `model.pt` that `publish_model` wrote; raises `UserError` for any other file."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file. Run `snakemake {path}`.") from None
    except LOADING_ERRORS as error:
        raise UserError(f"{path}: cannot be read as a model ({type(error).__name__}).") from None
    if not isinstance(content, dict) or content.get("format") != KIND:
        raise UserError(f"{path}: is no published model. Name results/EXPERIMENT/model.pt.")
    if content["format_version"] != VERSION:
        raise UserError(
            f"{path}: is of version {content['format_version']}, this program reads {VERSION}."
        )
    network = models.get_model(
        content["network"], num_classes=len(content["classes"]), **content["network_options"]
    )
    network.load_state_dict(content["state_dict"])
    return PublishedModel(network.eval(), content["classes"], content["preprocessing"])


def pictures_in(places: Sequence[Path]) -> list[Path]:
    """The files that are named, and all pictures below the folders, sorted folder by folder.

    Raises `UserError` for a place that is not there and for a folder without a picture.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            below = sorted(
                path
                for path in place.rglob("*")
                if path.suffix.lower() in SUFFIXES and path.is_file() and path.name[0] != "."
            )
            if not below:
                raise UserError(f"{place}: there is no picture in this folder.")
            found += below
        elif place.exists():
            found.append(place)
        else:
            raise UserError(f"{place}: there is no such file or folder.")
    return found


def predict(model: PublishedModel, paths: Sequence[Path], top: int) -> Iterator[Prediction]:
    """Yield each picture's ``top`` most probable classes, in the order of ``paths``.

    A picture that cannot be read gets its reason instead.
    """
    for start in range(0, len(paths), PICTURES_A_BATCH):
        block = paths[start : start + PICTURES_A_BATCH]
        prepared = [_prepared(model, path) for path in block]
        usable = [picture for picture in prepared if isinstance(picture, Tensor)]
        rows = iter(_probabilities(model, usable)) if usable else iter(())
        for path, picture in zip(block, prepared, strict=True):
            if isinstance(picture, BadImageError):
                yield Prediction(path, [], picture.reason)
                continue
            values, places = next(rows).topk(min(top, len(model.classes)))
            pairs = zip(places.tolist(), values.tolist(), strict=True)
            yield Prediction(path, [(model.classes[place], value) for place, value in pairs])


def _prepared(model: PublishedModel, path: Path) -> Tensor | BadImageError:
    try:
        return model.prepare(path)
    except BadImageError as error:
        return error


@torch.inference_mode()
def _probabilities(model: PublishedModel, pictures: list[Tensor]) -> Tensor:
    scores: Tensor = model.network(torch.stack(pictures))
    return scores.softmax(1)


def as_text(predictions: Sequence[Prediction]) -> str:
    """One line a picture: path, then classes with their probabilities in per cent."""
    width = max((len(str(p.path)) for p in predictions), default=0)
    return "\n".join(
        f"{str(p.path).ljust(width)}  "
        + (p.error or ", ".join(f"{name} {100 * share:.1f} %" for name, share in p.classes))
        for p in predictions
    )


def as_json(predictions: Sequence[Prediction]) -> str:
    """A list of objects with ``path``, and ``classes`` or ``error``."""
    values = [
        {"path": str(p.path), "error": p.error}
        if p.error
        else {
            "path": str(p.path),
            "classes": [{"class": name, "probability": share} for name, share in p.classes],
        }
        for p in predictions
    ]
    return json.dumps(values, indent=2, ensure_ascii=False)
