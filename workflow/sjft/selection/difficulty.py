"""Difficulty of the target's training images after a round (paper, section 3.4).

Scored by a single view each: the many crops of the evaluation would cost as much as a round.
"""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.storage.files import read_table, write_table

DIFFICULTY_SCHEMA: dict[str, type[pl.DataType] | pl.DataType] = {
    "image": pl.Int32,
    "path": pl.String,
    "label": pl.Int32,
    "predicted": pl.Int32,
    "probability": pl.Float64,
    "entropy": pl.Float64,
    "correct": pl.Boolean,
}


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """H_i = - sum_c p_ic log p_ic in nats, float64 [images]; 0 log 0 is 0."""
    p = probabilities.astype(np.float64)
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    return np.asarray(-(p * logs).sum(axis=1))


def difficulty_table(targets: pl.DataFrame, probabilities: NDArray[np.float32]) -> pl.DataFrame:
    """Probability of the true class, entropy, and right or wrong, of each training image."""
    labels = targets["label"].to_numpy()
    predicted = probabilities.argmax(axis=1)
    return targets.select("image", "path", "label").with_columns(
        pl.Series("predicted", predicted, dtype=pl.Int32),
        pl.Series("probability", probabilities[np.arange(len(labels)), labels], pl.Float64),
        pl.Series("entropy", entropy(probabilities), dtype=pl.Float64),
        pl.Series("correct", predicted == labels),
    )


def write_difficulty(path: Path, table: pl.DataFrame) -> None:
    """Write difficulty.csv."""
    write_table(path, table)


def read_difficulty(path: Path) -> pl.DataFrame:
    """Read difficulty.csv; raises `UserError` for any other file."""
    return read_table(path, DIFFICULTY_SCHEMA)
