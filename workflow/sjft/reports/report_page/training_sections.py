"""How the runs were trained, how K grew, and how hard the target's images were."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from sjft.reports.report_page import charts
from sjft.reports.report_page.blocks import Block, Chart, Section, Table, Text, percent
from sjft.reports.report_page.inputs import RunFiles
from sjft.reports.report_page.read import runs_with_source, table_with
from sjft.selection.difficulty import read_difficulty
from sjft.selection.subset import read_targets

MOST_POINTS = 300  # of a curve
_HARD = ("entropy", "probability")

##### learning #####


def learning(runs: Sequence[RunFiles]) -> Section:
    """Losses and accuracy while training, round after round."""
    columns = ("update", "target_loss", "source_loss", "target_accuracy", "seconds")
    parts, rows = [], []
    for run in runs:
        before = 0
        for of_round in run.rounds:
            history = table_with(of_round.history, columns)
            last = history.row(-1, named=True)
            rows.append(
                [
                    run.name,
                    of_round.number,
                    last["update"],
                    f"{last['target_loss']:.3f}",
                    f"{last['source_loss']:.3f}" if last["source_loss"] else None,
                    percent(last["target_accuracy"]),
                    f"{last['seconds']:.0f}",
                ]
            )
            parts.append(
                history.select(
                    pl.lit(run.name).alias("run"),
                    (pl.col("update") + before).alias("update"),
                    pl.col("target_loss").alias("target loss"),
                    (100 * pl.col("target_accuracy")).alias("accuracy on training images, %"),
                )
            )
            before += int(last["update"])
    shown = [run.name for run in runs[: charts.CURVES]]
    told = f" The first {charts.CURVES} of {len(runs)} runs." if len(runs) > charts.CURVES else ""
    table = pl.concat(parts).filter(pl.col("run").is_in(shown))
    drawn = [
        charts.curves(_thinned(table), "update", y, f"{y[0].upper()}{y[1:]}", f"{meaning}{told}")
        for y, meaning in (
            ("target loss", "Mean loss on the target's images over the updates of all rounds."),
            (
                "accuracy on training images, %",
                "Share of the target's training images that are told right while training.",
            ),
        )
    ]
    head = ["run", "round", "updates", "target loss", "source loss", "training accuracy", "seconds"]
    return Section(
        "learning",
        "Learning curves",
        [*drawn, Table("At the end of each round (the last row of history.csv)", head, rows)],
    )


def _thinned(table: pl.DataFrame) -> pl.DataFrame:
    """At most `MOST_POINTS` points of each run, evenly spread, the last one among them."""
    step = -(-max(table.group_by("run").len()["len"]) // MOST_POINTS)
    place = pl.int_range(pl.len(), dtype=pl.Int64).reverse().over("run")
    return table.filter(place % step == 0)


##### difficulty #####


def difficulty(runs: Sequence[RunFiles]) -> Section:
    """How K_i grows, and how hard the target's images were after each round that is followed."""
    blocks: list[Block] = []
    rows: list[list[Any]] = []
    hard: list[list[Any]] = []
    for run in runs_with_source(runs):
        neighbours = [read_targets(of_round.targets)["neighbours"] for of_round in run.rounds]
        if not neighbours[0].sum():
            continue
        for of_round, k in zip(run.rounds, neighbours, strict=True):
            grown = int((k > neighbours[0]).sum())
            mean = f"{k.to_numpy().mean():.1f}"
            rows.append([run.name, of_round.number, k.min(), mean, k.max(), grown, len(k)])
            if of_round.difficulty is not None:
                hard.append([run.name, of_round.number, *_hardness(of_round.difficulty)])
        if len(neighbours) > 1:
            blocks.append(_growth(run, neighbours))
    if not rows:
        text = "No arm that is compared borrows neighbours of each target image."
        return Section("difficulty", "Difficulty, and K", [Text(text)])
    head = ["run", "round", "least K", "mean K", "largest K", "grown since round 0", "images"]
    blocks.append(Table("Neighbours that a target image brings", head, rows))
    if hard:
        head = ["run", "after round", "told wrong", "of", "mean entropy, nat", "own class's share"]
        blocks.append(Table("How hard the training images were", head, hard))
    elif max(row[1] for row in rows) == 0:
        blocks.append(Text("One round alone: nothing grows by difficulty."))
    else:
        blocks.append(Text("No compared arm goes by difficulty: K stays from round to round."))
    return Section("difficulty", "Difficulty, and K", blocks)


def _hardness(path: Path) -> list[Any]:
    table = read_difficulty(path)
    wrong = len(table) - int(table["correct"].sum())
    entropy, probability = (float(table[name].to_numpy().mean()) for name in _HARD)
    return [wrong, len(table), f"{entropy:.3f}", percent(probability)]


def _growth(run: RunFiles, neighbours: Sequence[pl.Series]) -> Chart:
    parts = [
        k.rename("K").value_counts(name="images").with_columns(round=pl.lit(f"round {r.number}"))
        for r, k in zip(run.rounds, neighbours, strict=True)
    ]
    means = ", ".join(f"{k.to_numpy().mean():.1f}" for k in neighbours)
    meaning = f"How many target images have which K in each round; on average {means}."
    return charts.growth(pl.concat(parts).sort("round", "K"), f"{run.name}: growth of K", meaning)
