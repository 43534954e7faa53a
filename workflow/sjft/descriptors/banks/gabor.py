"""Gabor filters as a filter bank."""

import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from sjft.descriptors.banks.bank import CPU, FULL_PRECISION, as_floats, as_images, resized
from sjft.descriptors.layer import Layer
from sjft.errors import UserError
from sjft.settings.banks.gabor import GaborBank


class GaborFilterBank:
    """Zero-mean Gabor filters on the grey image; responses only where the kernel fits wholly.

    g(x, y) = exp(-(x'^2 + y'^2) / (2 s^2)) * (exp(2 pi i x' / w) - k), with x' along the
    direction, wavelength w, s = 0.56 w (a bandwidth of one octave), k such that the kernel sums
    to 0, and the envelope summing to 1.
    """

    digest_of_weights: str = ""
    layers: tuple[Layer, ...]

    def __init__(
        self, settings: GaborBank, weights: Path | None, device: torch.device = CPU
    ) -> None:
        """Make the kernels; ``weights`` is not used, the bank needs none."""
        _require_short_waves(settings)
        self._settings = settings
        self.device = device
        self._kernels = gabor_kernels(settings).to(device)
        if settings.crop < self._kernels.shape[-1]:
            raise UserError(
                f"crop: {settings.crop} px are fewer than the largest Gabor kernel's side, "
                f"{self._kernels.shape[-1]} px. Enlarge `crop`, or take fewer or shorter "
                "wavelengths."
            )
        side = settings.crop - self._kernels.shape[-1] + 1
        self.layers = (Layer("gabor", len(self._kernels), side * side),)

    def prepare(self, pixels: NDArray[np.uint8]) -> Tensor:
        """See `FilterBank`."""
        grey = np.array(Image.fromarray(pixels).convert("L"))[:, :, None]
        return resized(grey, self._settings.resize, self._settings.crop)

    @torch.inference_mode()
    @FULL_PRECISION
    def responses(self, images: Tensor) -> list[Tensor]:
        """See `FilterBank`."""
        grey = as_images(as_floats(images, self.device).div_(255), 1)
        return [F.conv2d(grey, self._kernels).flatten(2)]


def _require_short_waves(settings: GaborBank) -> None:
    """Raise `UserError` for waves longer than an image, before their kernels fill the memory."""
    try:
        longest = settings.shortest_wavelength * settings.wavelength_factor ** (settings.scales - 1)
    except OverflowError:
        longest = math.inf
    if longest > settings.crop:  # the kernel is nearly three times as wide
        raise UserError(
            f"crop: {settings.crop} px are fewer than the longest wavelength, {longest:g} px. Take "
            "fewer `scales`, or a smaller shortest_wavelength or wavelength_factor."
        )


def gabor_kernels(settings: GaborBank) -> Tensor:
    """All kernels as float32 [2 * scales * orientations, 1, side, side], real before imaginary.

    In the order scale, orientation, part; ``side`` is that of the longest wavelength.
    """
    wavelengths = [
        settings.shortest_wavelength * settings.wavelength_factor**scale
        for scale in range(settings.scales)
    ]
    radius = math.ceil(2.5 * 0.56 * wavelengths[-1])
    axis = torch.arange(-radius, radius + 1, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    kernels = []
    for wavelength in wavelengths:
        envelope = torch.exp(-(x**2 + y**2) / (2 * (0.56 * wavelength) ** 2))
        envelope = envelope / envelope.sum()
        for step in range(settings.orientations):
            angle = math.pi * step / settings.orientations
            phase = 2 * math.pi / wavelength * (x * math.cos(angle) + y * math.sin(angle))
            real = envelope * torch.cos(phase)
            kernels += [real - envelope * real.sum(), envelope * torch.sin(phase)]
    return torch.stack(kernels).unsqueeze(1).float()


BANK, SETTINGS = GaborFilterBank, GaborBank
