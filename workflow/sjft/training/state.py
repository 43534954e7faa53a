"""All that changes while a round is trained: the batches are a function of the update."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from sjft.errors import UserError
from sjft.training.averaging import WeightAverage
from sjft.training.best import BestWeights
from sjft.training.history import History
from sjft.training.precision import Precision
from sjft.training.world import World


@dataclass(frozen=True)
class TrainingState:
    """What a checkpoint holds, and whether it is fit to be kept."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    precision: Precision
    history: History
    device: torch.device
    world: World
    average: WeightAverage | None = None
    best: BestWeights | None = None

    def content(self) -> dict[str, Any]:
        """Tensors and plain values, for `restore`; random states of all processes."""
        average = {} if self.average is None else {"average": self.average.state()}
        best = {} if self.best is None else {"best": self.best.state()}
        return (
            average
            | best
            | {
                "network": self.module.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "schedule": self.schedule.state_dict(),
                "precision": self.precision.state(),
                "history": self.history.state(),
                "random": self.world.gathered(self._random()),
            }
        )

    def restore(self, content: dict[str, Any]) -> None:
        """Go back to what `content` gave."""
        self.module.load_state_dict(content["network"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.schedule.load_state_dict(content["schedule"])
        self.precision.restore(content["precision"])
        self.history.restore(content["history"])
        if self.average is not None:
            self.average.restore(content["average"])
        if self.best is not None:
            self.best.restore(content["best"])
        random = content["random"][self.world.rank]
        torch.set_rng_state(random["cpu"])
        if random["cuda"] is not None:
            torch.cuda.set_rng_state(random["cuda"], self.device)

    def _random(self) -> dict[str, Tensor | None]:
        cuda = self.device.type == "cuda"
        return {
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state(self.device) if cuda else None,
        }

    def require_finite(self, update: int) -> None:
        """Raise `UserError` where a loss so far or a weight is not finite."""
        self.history.settle()
        for name, tensor in self.module.state_dict().items():
            if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
                raise UserError(
                    f"After update {update} the weights `{name}` are not finite. Lower "
                    "training.learning_rate. The last checkpoint, of before, was kept."
                )
