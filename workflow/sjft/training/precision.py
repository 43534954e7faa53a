"""The precision in which the network computes; its weights are float32 in any case."""

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from sjft.settings.training import Precision as PrecisionName


class Precision:
    """Mixed precision: the forward pass in 16 bits where that is faster, sums in 32.

    `auto` is bfloat16 on GPUs that compute in it, float16 on other GPUs, and float32 on CPUs: most
    of them emulate 16 bits, ten times slower. With float16, losses are scaled up before gradients
    are taken, and updates whose gradients overflow are left out.
    """

    def __init__(self, name: PrecisionName, device: torch.device) -> None:
        """Choose what the device is good for, or what is asked for."""
        if name == "auto":
            name = "float32"
            if device.type == "cuda":
                name = "bfloat16" if torch.cuda.is_bf16_supported(False) else "float16"
        self.name = name
        self._device = device.type
        self._scaler = torch.amp.GradScaler(device.type, enabled=name == "float16")

    def autocast(self) -> AbstractContextManager[Any]:
        """Around the forward pass."""
        return torch.autocast(
            self._device,
            torch.float16 if self.name == "float16" else torch.bfloat16,
            enabled=self.name != "float32",
        )

    def backward(self, loss: Tensor) -> None:
        """Add the loss's gradients to those of the weights."""
        scaled: Tensor = self._scaler.scale(loss)
        scaled.backward()  # type: ignore[no-untyped-call]

    def step(self, optimiser: torch.optim.Optimizer) -> None:
        """Move the weights along their gradients, and forget these."""
        self._scaler.step(optimiser)
        self._scaler.update()
        optimiser.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Any]:
        """What `restore` needs: the scale, where there is one."""
        return dict(self._scaler.state_dict())

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self._scaler.load_state_dict(state)
