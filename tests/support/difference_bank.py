"""Differences of neighbouring pixels of the grey image, to the right and downwards."""

from typing import Literal

import numpy as np
import torch
from pydantic import Field

from sjft.descriptors.banks.bank import CPU, as_floats, as_images, resized
from sjft.descriptors.layer import Layer
from sjft.errors import UserError
from sjft.settings.banks.common import FilterBankSettings


class DifferenceBank(FilterBankSettings):
    type: Literal["differences"] = Field(description="Which kind of filter bank this is.")
    step: int = Field(1, ge=1, description="How many pixels lie between the two.")

    @property
    def layer_names(self):
        return ("differences",)


class Differences:
    digest_of_weights = ""

    def __init__(self, settings, weights, device=CPU):
        if settings.step >= settings.crop:
            raise UserError(f"step: is {settings.step}; the crop is {settings.crop} px wide.")
        self.device, self._settings = device, settings
        self.layers = (Layer("differences", 2, (settings.crop - settings.step) ** 2),)

    def prepare(self, pixels):
        grey = pixels.mean(axis=2, keepdims=True).astype(np.uint8)
        return resized(grey, self._settings.resize, self._settings.crop)

    def responses(self, images):
        step = self._settings.step
        grey = as_images(as_floats(images, self.device) / 255, 1)[:, 0]
        here = grey[:, :-step, :-step]
        differences = [grey[:, :-step, step:] - here, grey[:, step:, :-step] - here]
        return [torch.stack(differences, 1).flatten(2)]


BANK, SETTINGS = Differences, DifferenceBank
