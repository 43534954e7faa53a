"""Small filter banks, images for them, and how responses are compared."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from image_files import random_image
from torch import Tensor

from sjft.descriptors.banks.bank import FilterBank
from sjft.descriptors.banks.cnn import CnnFilterBank
from sjft.networks.pretrained import load_network
from sjft.settings.bank import CnnBank, GaborBank
from sjft.settings.weights import FileWeights, RandomWeights, TorchvisionWeights

RANDOM = RandomWeights(source="random", seed=3)
FILE = FileWeights(source="file", path="weights.pt")
PUBLISHED = TorchvisionWeights(source="torchvision", name="IMAGENET1K_V1")
SMALL = "squeezenet1_1"


def cnn(network: str, *layers: str, file: Path | None = None, **settings: Any) -> CnnFilterBank:
    """A bank of a network's layers, on small images with random weights."""
    values = {"resize": 72, "crop": 64, "weights": RANDOM, **settings}
    return CnnFilterBank(
        CnnBank.model_validate({"type": "cnn", "network": network, "layers": layers, **values}),
        file,
    )


def gabor(**settings: Any) -> GaborBank:
    """Settings of a Gabor bank on small images."""
    return GaborBank.model_validate({"type": "gabor", "resize": 72, "crop": 64, **settings})


def noise(seed: int) -> np.ndarray:
    """The pixels of an image of noise."""
    return np.array(random_image(seed, (80, 60)))


def images(bank: FilterBank, number: int = 2) -> Tensor:
    """A batch of noise, prepared as the bank wants it."""
    return torch.stack([bank.prepare(noise(seed)) for seed in range(number)])


def normalised(bank: FilterBank) -> Tensor:
    """The same batch as a network of ImageNet sees it."""
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return (images(bank).permute(0, 3, 1, 2).float() / 255 - mean) / std


def network(name: str) -> Any:
    """A network with the random weights of `RANDOM`."""
    return load_network(name, RANDOM, None).eval()


def agree(bank: CnnFilterBank, wanted: list[Tensor]) -> None:
    """See that a bank answers as wanted, layer by layer."""
    got = bank.responses(images(bank))
    assert len(got) == len(wanted) == len(bank.layers)
    for layer, one, other in zip(bank.layers, got, wanted, strict=True):
        assert one.dtype == torch.float32
        assert one.shape[1:] == (layer.kernels, layer.positions)
        torch.testing.assert_close(one, other.flatten(2), rtol=1e-5, atol=1e-5)
