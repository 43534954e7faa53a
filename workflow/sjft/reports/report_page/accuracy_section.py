"""How good the runs are: class by class, what is taken for what, and how sure they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from sjft.reports.report_page import charts
from sjft.reports.report_page.blocks import Block, Section, Table, Text, percent
from sjft.reports.report_page.confusion import confusions
from sjft.reports.report_page.inputs import RunFiles
from sjft.reports.report_page.read import table_with
from sjft.storage.files import read_json
from sjft.wording import counted

MOST_LINES = 40  # classes of a chart


def accuracy(runs: Sequence[RunFiles], published: str, images: Path, page: Path) -> Section:
    """Each class's accuracy in all runs; what the published arm takes for what; calibration.

    ``images`` is the folder of the target's images: the ``page`` links to them, and reads none.
    """
    named = [run for run in runs if run.arm == published] or list(runs)
    ordered = [named[0], *(run for run in runs if run is not named[0])]
    columns = ("class_name", "images", "accuracy", "predicted", "precision")
    tables = {run.name: table_with(run.classes, columns) for run in ordered}
    return Section(
        "accuracy",
        "Accuracy by class, confusion, calibration",
        [*_by_class(tables), *confusions(named[0], images, page), *_calibration(named[0])],
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
        for name, table in list(tables.items())[: charts.CURVES]
    ).drop_nulls()
    order = pl.DataFrame({"class_name": worst, "place": range(len(worst))})
    drawn = (
        drawn.join(order, on="class_name", maintain_order="left")
        .sort("place", maintain_order=True)
        .drop("place")
    )
    left = len(first) - len(worst)
    meaning = f"Share of each class's test images that is told right, worst of {names[0]} first" + (
        f"; {counted(left, 'more class stands', 'more classes stand')} in the table."
        if left
        else "."
    )
    chart = charts.dots(drawn, "class_name", "accuracy, %", "Accuracy of each class", meaning)
    return [chart, Table("Accuracy of each class", ["class", "images", *names], rows)]


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


def of_whole_split(summary: Mapping[str, Any]) -> list[Block]:
    """Where test images stand in training: that this section's figures are with them."""
    found = summary.get("duplicated")
    if found is None:
        return []
    told = (
        f"Classes, confusion and calibration are of all {counted(found['of'], 'test image')}, also "
        f"of the {counted(len(found['images']), 'that stands', 'that stand')} among the target's "
        "own training images."
    )
    return [Text(told)]


def skipped_in_evaluation(runs: Sequence[RunFiles]) -> list[Block]:
    """Test images that could not be evaluated, run by run; most often there are none."""
    rows = [
        [run.name, one["path"], one["reason"]]
        for run in runs
        for one in read_json(run.evaluation)["skipped"]
    ]
    return [Table("Test images that were skipped", ["run", "image", "why"], rows)] if rows else []
