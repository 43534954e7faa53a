"""Batches and rounds that train in milliseconds."""

from pathlib import Path

import polars as pl
import torch
from small import images_table, source_table, training_settings

from sjft.networks.joint import JointNetwork, joint_network
from sjft.selection.subset import select_all
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import RandomWeights
from sjft.training.batches import Batch
from sjft.training.pairing import AnySource, NoSource
from sjft.training.round import Round, train

CPU = torch.device("cpu")
NAMES = [f"class {c}" for c in (0, 1)]


def batches(number: int, size: int = 4, *, sources: bool = True, seed: int = 0) -> list[Batch]:
    """Batches in which an image's class is the sign of its red channel."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for step in range(number):
        count = size * (2 if sources else 1)
        images = torch.randn(count, 3, 8, 8, generator=generator)
        labels = torch.randint(0, 2, (count,), generator=generator)
        images[:, 0] += (labels * 2 - 1)[:, None, None]
        paths = [f"step{step}/{place}.png" for place in range(count)]
        found.append(Batch(images, labels[:size], labels[size:], paths))
    return found


def fit(network: JointNetwork, given: list[Batch], **changes: object) -> pl.DataFrame:
    """Train a network on these batches, and return the history."""
    accumulate = changes.get("accumulate", 1)
    assert isinstance(accumulate, int)
    settings = training_settings(updates=len(given) // accumulate, **changes)
    return train(network, lambda start: given[start * settings.accumulate :], settings, CPU)


def state(network: JointNetwork) -> dict[str, torch.Tensor]:
    """A copy of a network's tensors by name."""
    return {k: v.detach().clone() for k, v in network.module.state_dict().items()}


def torchvisions(name: str) -> JointNetwork:
    """One of torchvision's networks with both heads and random weights."""
    weights = RandomWeights(source="random", seed=0)
    return joint_network(name, weights, None, ["a", "b"], ["x", "y", "z"], 0)


def round_of(folder: Path, *, seed: int = 0, number: int = 0, source: bool = True) -> Round:
    """A round on three images of each of two classes, for both sides."""
    targets = images_table([0, 1] * 3, folder="target")
    sources = source_table([0, 1] * 3, folder="source")
    return Round(
        number=number,
        seed=seed,
        manifest=select_all(targets, sources if source else sources[:0]),
        choice=AnySource(6) if source else NoSource(),
        target_folder=folder,
        source_folders={"store": folder},
        target_classes=NAMES,
        last_network=None,
    )


def round_settings(**changes: object) -> TrainingSettings:
    """Settings for two updates on such images."""
    return training_settings(input_size=24, resize=(24, 26), updates=2, log_every=1, **changes)
