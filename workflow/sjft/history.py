"""History: what a round of training tells about itself while it runs."""

import logging
import math
import time
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from sjft.batches import Batch
from sjft.errors import UserError

LOG = logging.getLogger(__name__)
HISTORY_COLUMNS = [
    "update",
    "learning_rate",
    "target_loss",
    "source_loss",
    "target_accuracy",
    "source_accuracy",
    "images_per_second",
    "seconds",
]


@dataclass
class History:
    """Sums since the last row, and the rows: losses, accuracies and speed of a round."""

    every: int
    updates: int
    rows: list[list[float]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    last: float = field(default_factory=time.perf_counter)

    def add(self, batch: Batch, result: dict[str, float], update: int) -> None:
        """Count one batch; raises `UserError` for a loss that is not finite, with its files."""
        if not math.isfinite(result["loss"]):
            raise UserError(
                f"The loss of update {update + 1} is not finite. Lower training.learning_rate. "
                f"The batch's files: {', '.join(batch.paths)}"
            )
        numbers = {
            **result,
            "batches": 1,
            "targets": len(batch.target_labels),
            "sources": len(batch.source_labels),
        }
        for name, value in numbers.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def close_update(self, update: int, learning_rate: float) -> None:
        """Write a row, where one is due after this update."""
        if (update + 1) % self.every and update + 1 < self.updates:
            return
        sums, now = self.sums, time.perf_counter()
        row = [
            update + 1,
            learning_rate,
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
            *(row[0], row[2], row[3], row[4], row[5], row[6]),
        )
        self.sums, self.last = {}, now

    def state(self) -> dict[str, Any]:
        """Plain values from which `restore` goes on."""
        now = time.perf_counter()
        return {
            "rows": self.rows,
            "sums": self.sums,
            "seconds": now - self.started,
            "seconds_of_row": now - self.last,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`; the time between does not count."""
        now = time.perf_counter()
        self.rows, self.sums = state["rows"], state["sums"]
        self.started, self.last = now - state["seconds"], now - state["seconds_of_row"]

    def table(self) -> pl.DataFrame:
        """The rows, with the columns of `HISTORY_COLUMNS`."""
        return pl.DataFrame(self.rows, schema=HISTORY_COLUMNS, orient="row").with_columns(
            pl.col("update").cast(pl.Int32)
        )
