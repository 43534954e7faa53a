"""Lists of images, their records, and lists of what was skipped, looked into."""

from pathlib import Path

import polars as pl

from sjft.data.readers import SPLITS
from sjft.data.state import IMAGES, RECORD, Record, read_record, state_of
from sjft.data.table import PARTS, read_images
from sjft.errors import UserError
from sjft.storage.files import read_table, read_with_digest
from sjft.storage.inspection import Inspection, Plot, Schema, table_row
from sjft.storage.sanity import Check, labels_are_sorted_names, rows_of_table

SKIPPED_SCHEMA: Schema = {"path": pl.String, "reason": pl.String}
MOST_CLASSES = 40  # that a plot shows


def inspect_images(path: Path) -> Inspection:
    """What a data set's images.csv lists; raises `UserError` for any other file."""
    table = read_images(path)
    record = read_record(path.parent) if path.name == IMAGES else None
    train = table["split"] == "train"
    first_held_out = (~train).arg_max() if not train.all() and len(table) else len(table)
    assert first_held_out is not None
    checks = [
        Check(
            "rows are numbered from 0",
            None if table["image"].to_list() == list(range(len(table))) else "they are not",
        ),
        Check(
            "paths stand once each",
            _twice(table["path"]),
        ),
        rows_of_table("paths are named", table, pl.col("path").fill_null("") != ""),
        labels_are_sorted_names(table),
        rows_of_table(f"splits are {', '.join(SPLITS)}", table, pl.col("split").is_in(SPLITS)),
        Check(
            "training images come first",
            "one stands behind those held out" if train[first_held_out:].any() else None,
        ),
        rows_of_table("shards are not negative", table, pl.col("shard") >= 0),
        rows_of_table("no file is smaller than nothing", table, pl.col("bytes") >= 0),
    ]
    if record is not None:
        checks.append(Check(f"{RECORD} beside it is of these very images", _differs(table, record)))
    return Inspection(
        kind="images",
        what="Every image of a data set, with its label, split, shard, size and time.",
        inputs={} if record is None else {"listed by": record.listed_by},
        sizes={
            "images": len(table),
            "classes": table["class_name"].n_unique(),
            "images by split": dict(table["split"].value_counts().sort("split").iter_rows()),
            "shards": table["shard"].n_unique(),
            "styles": table.filter(pl.col("style") != "")["style"].n_unique(),
            "bytes of all files": table["bytes"].sum(),
            "left out": [] if record is None else record.state.left_out,
        },
        checks=checks,
        image=table_row(table),
        plot=lambda: _plot(table),
    )


def _twice(paths: pl.Series) -> str | None:
    again = paths.filter(paths.is_duplicated())
    return f"{again[0]} stands again ({again.n_unique()} such)" if len(again) else None


def _differs(table: pl.DataFrame, record: Record) -> str | None:
    """Where a record is of other rows than those of the table."""
    shards = len(next(iter(record.state.content.values()), []))
    rows = state_of(table, shards).rows
    parts = [part for part in PARTS if rows[part] != record.state.rows.get(part)]
    return f"its digest of {' and '.join(parts)} is another's" if parts else None


def _plot(table: pl.DataFrame) -> Plot:
    counted = table.group_by("class_name", "split").len().sort("class_name", "split")
    names = counted["class_name"].unique().sort().head(MOST_CLASSES).to_list()
    rows = [
        {"class": name, "split": split, "images": number}
        for name, split, number in counted.filter(pl.col("class_name").is_in(names)).iter_rows()
    ]
    of_all = counted["class_name"].n_unique()
    most = f", the first {MOST_CLASSES} of {of_all}" if of_all > MOST_CLASSES else ""
    return Plot(
        f"Images by class{most}",
        rows,
        ("class", "class"),
        ("images", "images"),
        colour="split",
        discrete=True,
    )


def inspect_record(path: Path) -> Inspection:
    """What the record of a data set says (state.json); raises `UserError` for any other file."""
    record = read_record(path.parent)
    if record is None:
        raise UserError(
            f"{path}: is no record that can be used with an {IMAGES} beside it. The next run "
            "makes it anew."
        )
    state = record.state
    return Inspection(
        kind="record of images",
        what=f"The state of a data set when {IMAGES} beside it was written: a digest of each "
        "shard's images, and of each part's rows.",
        inputs={"listed by": record.listed_by, "files on disk": record.snapshot},
        sizes={
            "shards": {part: len(shards) for part, shards in state.content.items()},
            "images by split": state.images,
            "classes": len(state.classes),
            "left out": state.left_out,
        },
        checks=[
            Check(
                f"it is of the very images of {IMAGES}",
                _differs(read_images(path.parent / IMAGES), record),
            )
        ],
    )


def inspect_skipped(path: Path) -> Inspection:
    """Which images of a shard could not be read, and why; raises `UserError`."""
    table = read_table(path, SKIPPED_SCHEMA)
    reasons = table["reason"].value_counts(sort=True).head(10)
    told = pl.all_horizontal(pl.col(name).fill_null("") != "" for name in SKIPPED_SCHEMA)
    return Inspection(
        kind="skipped",
        what="The images of a shard that could not be read, and were left out.",
        sizes={"images": len(table), "images by reason": dict(reasons.iter_rows())},
        checks=[
            rows_of_table("each has a path and a reason", table, told),
            Check("paths stand once each", _twice(table["path"])),
        ],
        image=table_row(table),
    )


def inspect_generated(path: Path) -> Inspection:
    """The table of images that the program made; raises `UserError` for any other file."""
    table = pl.read_csv(read_with_digest(path), infer_schema=False)
    return Inspection(
        kind="generated images",
        what="The images that the program made, with class, split and style.",
        sizes={"images": len(table), "columns": table.columns},
        checks=[
            Check("paths stand once each", _twice(table["path"])),
            Check("every image lies beside it", _missing(path.parent, table["path"])),
        ],
        image=table_row(table),
    )


def _missing(folder: Path, paths: pl.Series) -> str | None:
    lost = [path for path in paths if not (folder / path).is_file()]
    return f"{lost[0]} is not there ({len(lost)} such)" if lost else None
