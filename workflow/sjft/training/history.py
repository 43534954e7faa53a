"""History: what a round of training tells about itself while it runs."""

import logging
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import torch
from torch import Tensor

from sjft.errors import UserError
from sjft.training.batches import Batch
from sjft.training.world import ALONE, World

LOG = logging.getLogger(__name__)
HISTORY_COLUMNS = [
    "update",
    "learning_rate",
    "head_learning_rate",
    "target_loss",
    "source_loss",
    "target_accuracy",
    "source_accuracy",
    "images_per_second",
    "seconds",
]
Row = list[float]


@dataclass(frozen=True)
class Waiting:
    """A batch whose numbers are still on the device."""

    update: int
    paths: list[str]
    targets: int
    sources: int
    result: dict[str, Tensor]


@dataclass
class History:
    """Sums since the last row, and the rows: losses, accuracies and speed of a round.

    Numbers of up to ``lag`` batches are left on the device before they are asked for, all at once:
    asking makes a GPU wait. ``written`` is told of each row.
    """

    every: int
    updates: int
    lag: int = 1
    world: World = ALONE
    written: Callable[[Row], None] | None = None
    rows: list[Row] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    waiting: list["Waiting"] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    last: float = field(default_factory=time.perf_counter)

    def add(self, batch: Batch, result: dict[str, Tensor], update: int) -> None:
        """Count one batch; raises as `settle` does."""
        numbers = {name: value.detach() for name, value in result.items()}
        targets, sources = len(batch.target_labels), len(batch.source_labels)
        self.waiting.append(Waiting(update, batch.paths, targets, sources, numbers))
        if len(self.waiting) >= self.lag:
            self.settle()

    def settle(self) -> None:
        """Ask for all numbers; raises `UserError` for a loss that is not finite, with its files."""
        waiting, self.waiting = self.waiting, []
        if not waiting:
            return
        asked = torch.stack([v.float() for batch in waiting for v in batch.result.values()])
        numbers = iter(asked.tolist())
        for batch in waiting:
            self._count(batch, {name: next(numbers) for name in batch.result})

    def _count(self, batch: Waiting, result: dict[str, float]) -> None:
        if not math.isfinite(result["loss"]):
            raise UserError(
                f"The loss of update {batch.update + 1} is not finite. Lower "
                f"training.learning_rate. The batch's files: {', '.join(batch.paths)}"
            )
        numbers = {**result, "batches": 1, "targets": batch.targets, "sources": batch.sources}
        for name, value in numbers.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def close_update(self, update: int, learning_rates: Sequence[float], due: bool = False) -> None:
        """Write a row, where one is due; the rates are the trunk's, the target head's, and more."""
        if (update + 1) % self.every and update + 1 < self.updates and not due:
            return
        self.settle()
        sums, now = self._total(), time.perf_counter()
        row = [
            update + 1,
            float(learning_rates[0]),
            float(learning_rates[1]),
            sums["target_loss"] / sums["batches"],
            sums["source_loss"] / sums["batches"],
            sums["target_correct"] / sums["targets"],
            sums["source_correct"] / max(1, sums["sources"]),
            (sums["targets"] + sums["sources"]) / (now - self.last),
            now - self.started,
        ]
        self.rows.append(row)
        LOG.info(
            "update %d: losses %.3f and %.3f, accuracies %.3f and %.3f, %.0f images a second",
            *(row[0], *row[3:8]),
        )
        self.sums, self.last = {}, now
        if self.written is not None:
            self.written(row)

    def _total(self) -> dict[str, float]:
        return dict(zip(self.sums, self.world.total(list(self.sums.values())), strict=True))

    def state(self) -> dict[str, Any]:
        """Plain values from which `restore` goes on, of all processes; nothing may be waiting."""
        now = time.perf_counter()
        return {
            "rows": self.rows,
            "sums": self._total(),
            "seconds": now - self.started,
            "seconds_of_row": now - self.last,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`; the time between does not count."""
        now = time.perf_counter()
        self.rows = state["rows"]
        self.sums = state["sums"] if self.world.first else {}
        self.started, self.last = now - state["seconds"], now - state["seconds_of_row"]

    def table(self) -> pl.DataFrame:
        """The rows, with the columns of `HISTORY_COLUMNS`."""
        return pl.DataFrame(self.rows, schema=HISTORY_COLUMNS, orient="row").with_columns(
            pl.col("update").cast(pl.Int32)
        )
