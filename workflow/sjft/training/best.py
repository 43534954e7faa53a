"""The best weights of a round: those of the update that was best on `val`."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from torch import Tensor, nn

from sjft.settings.training import TrainingSettings
from sjft.training.averaging import WeightAverage

LOG = logging.getLogger(__name__)


def is_validated(settings: TrainingSettings, done: int) -> bool:
    """Whether the weights are looked at after so many updates: the last always are."""
    if settings.keep == "last":
        return False
    return done % settings.validate_every == 0 or done == settings.updates


def validations(settings: TrainingSettings) -> int:
    """How often a round looks at the validation split."""
    if settings.keep == "last":
        return 0
    return -(-settings.updates // settings.validate_every)


@dataclass
class BestWeights:
    """The weights with the best accuracy so far, of equal ones the earliest, and all accuracies.

    ``accuracy_of`` a network says how good it is; ``accuracies`` are by the updates that were done.
    """

    accuracy_of: Callable[[nn.Module], float]
    accuracies: dict[int, float] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def update(self) -> int:
        """The update that is taken so far."""
        return max(self.accuracies, key=lambda done: (self.accuracies[done], -done))

    def after(self, done: int, module: nn.Module, average: WeightAverage | None) -> None:
        """Look at the weights after so many updates, or at their average, and keep the best."""
        accuracy = self.accuracy_of(module if average is None else average.module)
        self.accuracies[done] = accuracy
        LOG.info("after update %d: accuracy on val %.3f", done, accuracy)
        if self.update == done:
            now = module.state_dict() if average is None else average.weights()
            self.weights = {name: tensor.detach().clone() for name, tensor in now.items()}

    def replace_weights(self, module: nn.Module) -> None:
        """Put the best ones in the place of a network's."""
        module.load_state_dict(self.weights)
        last, taken = max(self.accuracies), self.update
        LOG.info(
            "the weights after update %d are kept: accuracy on val %.3f; after the last, %d, %.3f",
            *(taken, self.accuracies[taken], last, self.accuracies[last]),
        )

    def told(self, history: pl.DataFrame) -> pl.DataFrame:
        """The history with the accuracies, null where nothing was looked at, and what was taken."""
        looked = pl.DataFrame(
            {"update": list(self.accuracies), "val_accuracy": list(self.accuracies.values())},
            schema={"update": history.schema["update"], "val_accuracy": pl.Float64},
        )
        kept = (pl.col("update") == self.update).cast(pl.Int32).alias("kept")
        return history.join(looked, on="update", how="left", maintain_order="left").with_columns(
            kept
        )

    def state(self) -> dict[str, Any]:
        """Tensors and plain values from which `restore` goes on."""
        return {"accuracies": dict(self.accuracies), "weights": self.weights}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.accuracies = dict(state["accuracies"])
        self.weights = dict(state["weights"])
