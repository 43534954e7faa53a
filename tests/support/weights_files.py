"""Files of weights, and what must not be unpickled from one."""

from pathlib import Path
from typing import Any

import torch
from filter_banks import FILE, SMALL
from torch import Tensor, nn
from torchvision import models

from sjft.networks.pretrained import load_network
from sjft.settings.weights import Weights


def state(classes: int = 5, name: str = SMALL) -> dict[str, Tensor]:
    """Random tensors of a network."""
    torch.manual_seed(9)
    return models.get_model(name, weights=None, num_classes=classes).state_dict()


def load(tmp_path: Path, content: Any, name: str = SMALL, weights: Weights = FILE) -> nn.Module:
    """Save something as weights, and load a network from it."""
    torch.save(content, tmp_path / "weights.pt")
    return load_network(name, weights, tmp_path / "weights.pt")


class Unwelcome:
    """Something that is no tensor and must not be unpickled."""
