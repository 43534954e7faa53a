"""Which source images the runs used: by class, by source, and by what else is known of them."""

from collections.abc import Sequence

import polars as pl

from sjft.reports.report_page import charts
from sjft.reports.report_page.blocks import Block, Section, Table, Text, percent
from sjft.reports.report_page.inputs import RunFiles
from sjft.reports.report_page.read import runs_with_source
from sjft.selection.subset import read_selected

MOST_BARS = 20


def subset(runs: Sequence[RunFiles]) -> Section:
    """The last round's source images, by class, source, and style where there are styles."""
    blocks: list[Block] = []
    for run in runs_with_source(runs):
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
