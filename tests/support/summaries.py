"""Summaries of made-up runs."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from evaluated_runs import answering
from small import manifest, source_table

from sjft.evaluation.probabilities import write_probabilities
from sjft.reports.choice import Choice
from sjft.reports.summary import Retrieval, RunFiles, summarise
from sjft.selection.subset import write_manifest
from sjft.storage.files import write_json

IMAGES = 80
RETRIEVAL = Retrieval("annoy", {"store": {"10": 0.98765, "100": 1.0}}, {}, None)


def run_files(
    folder: Path, arm: str, seed: int, accuracy: float, source_styles: list[str]
) -> RunFiles:
    names = ("e.json", "s.csv", "t.csv", "p.h5")
    files = RunFiles(arm, seed, *(folder / f"{arm}-{seed}-{name}" for name in names))
    evaluation = {"mean_class_accuracy": accuracy, "accuracy": accuracy / 2, "images": 9}
    evaluation["split"] = "test"
    found = answering(np.arange(IMAGES) < round(accuracy * IMAGES))
    write_probabilities(files.probabilities, found, {}, {"model": "digest"})
    write_json(files.evaluation, evaluation)
    write_manifest(manifest(["dots"], source_styles), files.subset, files.targets)
    return files


def sources(styles: list[str]) -> pl.DataFrame:
    return source_table([0] * len(styles)).with_columns(pl.Series("style", styles, pl.String))


def summary_of(folder: Path, *, styles: bool = True, **changes: Any) -> dict[str, Any]:
    near, far = ("dots", "lines") if styles else ("", "")
    runs = changes.pop("runs", None) or [
        run_files(folder, "selective", 0, 0.5, [near, near, far]),
        run_files(folder, "selective", 1, 0.75, [near]),
        run_files(folder, "fine-tune", 0, 0.25, []),
    ]
    arguments: dict[str, Any] = {
        "experiment": "demo",
        "runs": runs,
        "sources": sources([near, far, far, far]),
        "retrieval": RETRIEVAL,
        "published": Choice("selective"),
    }
    return summarise(**{**arguments, **changes})
