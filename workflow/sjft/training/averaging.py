"""The moving average of a network's weights over a round's updates."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


class WeightAverage:
    """An exponential moving average of weights and batch-norm statistics, by torch's own part.

    After the first update it is the weights themselves; each further one moves it by
    (1 - decay) of its distance to them. It begins anew in each round.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        """Begin with a copy of the module, which takes the memory of its weights once more."""
        self._module = module
        self._average = AveragedModel(
            module,
            multi_avg_fn=get_ema_multi_avg_fn(decay),  # type: ignore[no-untyped-call]
            use_buffers=True,
        )

    def update(self) -> None:
        """Take the weights after one more update in."""
        self._average.update_parameters(self._module)

    @property
    def module(self) -> nn.Module:
        """A network of the averaged weights."""
        found: nn.Module = self._average.module
        return found

    def weights(self) -> dict[str, Tensor]:
        """The average of all weights; whole numbers, batches say, are those of the last update."""
        average = self._average.module.state_dict()
        last: dict[str, Tensor] = self._module.state_dict()
        return {
            name: average[name] if tensor.is_floating_point() else tensor
            for name, tensor in last.items()
        }

    @torch.no_grad()
    def replace_weights(self) -> None:
        """Put the average in the place of the weights."""
        average = self.weights()
        for name, tensor in self._module.state_dict().items():
            tensor.copy_(average[name])

    def state(self) -> dict[str, Any]:
        """Tensors from which `restore` goes on."""
        return dict(self._average.state_dict())

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self._average.load_state_dict(state)


def weight_average(module: nn.Module, decay: float | None) -> WeightAverage | None:
    """The average that `training.ema` asks for, if any."""
    return None if decay is None else WeightAverage(module, decay)
