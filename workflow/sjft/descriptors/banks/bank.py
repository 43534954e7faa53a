"""What extraction needs of a filter bank, and what banks share."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import functional as transforms

from sjft.descriptors.layer import Layer

CPU = torch.device("cpu")
# A GPU's convolutions would else round their inputs to 10 bits, and the same way not every time.
FULL_PRECISION = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)


class FilterBank(Protocol):
    """What extraction needs of a bank."""

    layers: tuple[Layer, ...]
    digest_of_weights: str
    device: torch.device  # where responses are computed

    def prepare(self, pixels: NDArray[np.uint8]) -> Tensor:
        """RGB pixels, uint8 [height, width, 3], as uint8 [crop, crop, channels], resized."""

    def responses(self, images: Tensor) -> list[Tensor]:
        """Responses of each layer, float32 [images, kernels, positions], of prepared images.

        Images, uint8 [images, crop, crop, channels], may be anywhere; the responses are on the
        bank's device.
        """


def resized(pixels: NDArray[np.uint8], resize: int, crop: int) -> Tensor:
    """Pixels, uint8 [height, width, channels], as uint8 [crop, crop, channels]."""
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    squared = transforms.resize(image, [resize, resize], antialias=True)
    # Channels stay the last in memory, as they come and as convolutions take them.
    cropped: Tensor = transforms.center_crop(squared, [crop, crop]).permute(1, 2, 0)
    return cropped


def as_floats(images: Tensor, device: torch.device) -> Tensor:
    """Images as float32 [images, side, side * channels]: one row of numbers a row of pixels."""
    return images.to(device, non_blocking=True).flatten(2).float()


def as_images(rows: Tensor, channels: int) -> Tensor:
    """What `as_floats` gave, as [images, channels, side, side] with the channels last."""
    return rows.view(*rows.shape[:2], -1, channels).permute(0, 3, 1, 2)
