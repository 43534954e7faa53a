"""What the runs used, how they were trained, and how good they are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from sjft.reports.report_page import charts
from sjft.reports.report_page.blocks import Block, Chart, Section, Table, Text, percent
from sjft.reports.report_page.inputs import RunFiles
from sjft.reports.report_page.read import plain_table
from sjft.selection.difficulty import read_difficulty
from sjft.selection.subset import read_selected, read_targets
from sjft.storage.files import read_json

MOST_BARS = 20
MOST_LINES = 40  # classes of a chart
MOST_POINTS = 300  # of a curve
CURVES = 7  # runs that a chart can tell apart
CONFUSIONS = 30
_HARD = ("entropy", "probability")

##### the subset #####


def subset(runs: Sequence[RunFiles]) -> Section:
    """The last round's source images, by class, source, and style where there are styles."""
    blocks: list[Block] = []
    for run in _with_source(runs):
        table = read_selected(run.rounds[-1].subset)
        blocks.append(Text(f"{run.name}: {len(table):,} source images in its last round."))
        by_class = _counted(table, "class_name")
        title = f"{run.name}: classes that give most"
        meaning = _most(by_class, "class", len(table))
        shown = by_class.head(MOST_BARS)
        blocks.append(charts.bars(shown, "class_name", "images", title, meaning))
        blocks.append(_table_of(by_class, f"{run.name}: source classes", "class", len(table)))
        for column, what in (("source", "source"), ("style", "style")):
            if table[column].n_unique() > 1 or column == "source":
                caption = f"{run.name}: by {what}"
                blocks.append(_table_of(_counted(table, column), caption, what, len(table)))
    if not blocks:
        blocks = [Text("No arm that is compared uses source images.")]
    return Section("subset", "Which source images were used", blocks)


def _with_source(runs: Sequence[RunFiles]) -> list[RunFiles]:
    """The first seed's run of each arm that has source images."""
    first = {run.arm: run for run in reversed(runs)}
    in_order = [first[arm] for arm in dict.fromkeys(run.arm for run in runs)]
    return [run for run in in_order if len(read_selected(run.rounds[-1].subset))]


def _counted(table: pl.DataFrame, column: str) -> pl.DataFrame:
    return (
        table.group_by(column)
        .agg(pl.len().alias("images"), pl.col("chosen_by").sum().alias("pairs"))
        .sort(["images", column], descending=[True, False])
    )


def _table_of(counted: pl.DataFrame, caption: str, what: str, images: int) -> Table:
    rows = [
        [name or "(none)", number, percent(number / images), pairs or None]
        for name, number, pairs in counted.iter_rows()
    ]
    return Table(caption, [what, "images", "share", "times chosen"], rows)


def _most(counted: pl.DataFrame, what: str, images: int) -> str:
    name, number = counted.row(0)[:2]
    left = max(0, len(counted) - MOST_BARS)
    more = f"; {left} more stand in the table" if left else ""
    return f"Most images are of the {what} {name}: {number} of {images}{more}."


##### training #####


def learning(runs: Sequence[RunFiles]) -> Section:
    """Losses and accuracy while training, round after round."""
    columns = ("update", "target_loss", "source_loss", "target_accuracy", "seconds")
    parts, rows = [], []
    for run in runs:
        before = 0
        for of_round in run.rounds:
            history = plain_table(of_round.history, columns)
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
    shown = [run.name for run in runs[:CURVES]]
    told = f" The first {CURVES} of {len(runs)} runs." if len(runs) > CURVES else ""
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
    for run in _with_source(runs):
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
    else:
        blocks.append(Text("One round alone: nothing grows by difficulty."))
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


##### accuracy #####


def accuracy(runs: Sequence[RunFiles], published: str) -> Section:
    """Each class's accuracy in all runs; what the published arm takes for what; calibration."""
    named = [run for run in runs if run.arm == published] or list(runs)
    ordered = [named[0], *(run for run in runs if run is not named[0])]
    columns = ("class_name", "images", "accuracy", "predicted", "precision")
    tables = {run.name: plain_table(run.classes, columns) for run in ordered}
    return Section(
        "accuracy",
        "Accuracy by class, confusion, calibration",
        [*_by_class(tables), *_confusion(named[0]), *_calibration(named[0])],
    )


def _by_class(tables: dict[str, pl.DataFrame]) -> list[Block]:
    first, *_ = tables.values()
    names = list(tables)
    cells = [
        [percent(value) for value in table["accuracy"].cast(pl.Float64)]
        for table in tables.values()
    ]
    rows = [
        [name, images, *of_class]
        for name, images, of_class in zip(
            first["class_name"], first["images"], zip(*cells, strict=True), strict=True
        )
    ]
    worst = first.sort("accuracy", "class_name", nulls_last=True)["class_name"].head(MOST_LINES)
    drawn = pl.concat(
        table.select(
            pl.lit(name).alias("run"),
            "class_name",
            (100 * pl.col("accuracy").cast(pl.Float64)).alias("accuracy, %"),
        ).filter(pl.col("class_name").is_in(worst.to_list()))
        for name, table in list(tables.items())[:CURVES]
    ).drop_nulls()
    order = pl.DataFrame({"class_name": worst, "place": range(len(worst))})
    drawn = (
        drawn.join(order, on="class_name", maintain_order="left")
        .sort("place", maintain_order=True)
        .drop("place")
    )
    left = len(first) - len(worst)
    meaning = f"Share of each class's test images that is told right, worst of {names[0]} first" + (
        f"; {left} more classes stand in the table." if left else "."
    )
    chart = charts.dots(drawn, "class_name", "accuracy, %", "Accuracy of each class", meaning)
    return [chart, Table("Accuracy of each class", ["class", "images", *names], rows)]


def _confusion(run: RunFiles) -> list[Block]:
    table = plain_table(run.confusion, ("class_name", "predicted_class", "images"))
    sizes = table.group_by("class_name").agg(pl.col("images").sum().alias("of"))
    found = table.join(sizes, on="class_name", maintain_order="left")
    wrong = found.filter(pl.col("class_name") != pl.col("predicted_class")).sort(
        ["images", "class_name", "predicted_class"], descending=[True, False, False]
    )
    rows = [
        [
            row["class_name"],
            row["predicted_class"],
            row["images"],
            row["of"],
            percent(row["images"] / row["of"]),
        ]
        for row in wrong.head(CONFUSIONS).iter_rows(named=True)
    ]
    names = sorted({*table["class_name"], *table["predicted_class"]})
    blocks: list[Block] = []
    if len(names) <= MOST_LINES:
        drawn = found.select(
            pl.col("class_name").alias("class"),
            pl.col("predicted_class").alias("predicted"),
            "images",
            (pl.col("images") / pl.col("of")).alias("share"),
        )
        meaning = (
            f"{run.name}: how the images of each true class (row) were told (column); what is "
            "dark on the diagonal is right. The table below says the same of what is wrong."
        )
        blocks.append(charts.matrix(drawn, names, "Confusion matrix", meaning))
    left = len(wrong) - len(rows)
    more = f"; {left} more stand in confusion.csv" if left else ""
    head = ["true class", "taken for", "images", "of", "share"]
    caption = f"{run.name}: the most frequent mistakes{more}"
    return [*blocks, Table(caption, head, rows)]


def _calibration(run: RunFiles) -> list[Block]:
    found = read_json(run.evaluation)["calibration"]
    table = pl.DataFrame(found["bins"])
    error = found["expected_calibration_error"]
    meaning = (
        f"{run.name}: the share of images told right over the network's mean confidence in them. "
        f"Points below the diagonal: too sure. Expected calibration error {error:.3f}."
    )
    rows = [
        [
            f"{b['above']:.2f} to {b['up_to']:.2f}",
            b["images"],
            percent(b["confidence"]),
            percent(b["accuracy"]),
        ]
        for b in found["bins"]
    ]
    chart = charts.reliability(table, "Calibration", meaning)
    head = ["confidence", "images", "mean confidence", "told right"]
    return [chart, Table(f"{run.name}: calibration", head, rows)]


def skipped_in_evaluation(runs: Sequence[RunFiles]) -> list[Block]:
    """Test images that could not be evaluated, run by run; most often there are none."""
    rows = [
        [run.name, one["path"], one["reason"]]
        for run in runs
        for one in read_json(run.evaluation)["skipped"]
    ]
    return [Table("Test images that were skipped", ["run", "image", "why"], rows)] if rows else []
