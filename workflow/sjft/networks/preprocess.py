"""From pixels to what a network gets: the same in training, evaluation and published models."""

import torch
from torch import Tensor

from sjft.settings.base import Channels


def normalised(images: Tensor, mean: Channels, std: Channels) -> Tensor:
    """uint8 [..., 3, h, w] to float32: (x / 255 - mean) / std, channel by channel."""
    shape = (3, 1, 1)
    shift = torch.tensor(mean, device=images.device).view(shape) * 255
    scale = torch.tensor(std, device=images.device).view(shape) * 255
    return images.float().sub_(shift).div_(scale)
