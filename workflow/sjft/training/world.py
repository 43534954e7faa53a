"""The world: this process among those that train one network together.

What they agree on goes over gloo, whatever carries the gradients, so that no GPU has to wait.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed

from sjft.errors import UserError
from sjft.networks.devices import choose_device


@dataclass(frozen=True)
class World:
    """``size`` processes, of which this is ``rank``; alone, each method gives its argument."""

    rank: int = 0
    size: int = 1
    group: Any = None

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def device(self, name: str) -> torch.device:
        """This process's device, for the one that `training.device` names: a GPU each.

        Raises `UserError` where there are fewer GPUs.
        """
        device = choose_device(name)
        if device.type == "cpu" or self.size == 1:
            return device
        if torch.cuda.device_count() < self.size:
            raise UserError(
                f"training.processes: {self.size} processes need a GPU each, but torch finds "
                f"{torch.cuda.device_count()}. Lower it to that, or run where there are more."
            )
        return torch.device(device.type, self.rank)

    def total(self, values: list[float]) -> list[float]:
        """Each value summed over all processes."""
        return self._reduced(torch.tensor(values, dtype=torch.float64), distributed.ReduceOp.SUM)

    def any(self, values: list[bool]) -> list[bool]:
        """Of each value, whether it is true in any of the processes."""
        found = self._reduced(torch.tensor(values, dtype=torch.uint8), distributed.ReduceOp.MAX)
        return [bool(value) for value in found]

    def _reduced(self, values: Tensor, how: Any) -> list[float]:
        if self.size > 1 and len(values):
            distributed.all_reduce(values, how, group=self.group)
        found: list[float] = values.tolist()
        return found

    def gathered(self, value: Any) -> list[Any]:
        """All processes' values, in the order of their ranks."""
        found = [value] * self.size
        if self.size > 1:
            distributed.all_gather_object(found, value, group=self.group)
        return found


ALONE = World()
