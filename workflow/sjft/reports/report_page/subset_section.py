"""Which source images the runs used: by class, by source, and by what else is known of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from sjft.data.columns import MOST_VALUES, columns_of
from sjft.data.location import ImageFolders
from sjft.data.table import read_images
from sjft.reports.names import named
from sjft.reports.report_page import charts
from sjft.reports.report_page.blocks import Block, Section, Table, Text, percent
from sjft.reports.report_page.inputs import DatasetFiles, RunFiles
from sjft.reports.report_page.read import runs_with_source
from sjft.selection.subset import read_selected
from sjft.wording import counted

MOST_BARS = 20
NO_COLUMN = "(its source does not say)"


@dataclass(frozen=True)
class _Known:
    """What is known of all training images of a data set besides their classes, by `path`.

    ``left_out``: columns of its list that are not shown, and how many values these have.
    """

    name: str
    images: pl.DataFrame
    left_out: Mapping[str, int]

    @property
    def columns(self) -> list[str]:
        """The columns by which a subset can be told apart."""
        return [name for name in self.images.columns if name != "path"]


def subset(
    runs: Sequence[RunFiles], datasets: Sequence[DatasetFiles], folders: ImageFolders
) -> Section:
    """The last round's source images by class, source, style, and each column of a user's list.

    ``datasets`` are the target and its sources.
    """
    used, title = runs_with_source(runs), "Which source images were used"
    if not used:
        return Section("subset", title, [Text("No arm that is compared uses source images.")])
    target, *sources = [_known(files, folders) for files in datasets]
    blocks = [block for run in used for block in _of_run(run, target, sources)]
    blocks += [Text(_not_shown(known)) for known in (target, *sources) if known.left_out]
    return Section("subset", title, blocks)


def _of_run(run: RunFiles, target: _Known, sources: Sequence[_Known]) -> list[Block]:
    table = read_selected(run.rounds[-1].subset)
    by_class, by_source = (_counted(table, name) for name in ("class_name", "source"))
    shown = by_class.head(MOST_BARS)
    title, meaning = f"{run.name}: classes that give most", _most(by_class, "class", len(table))
    columns = dict.fromkeys(name for source in sources for name in source.columns)
    return [
        Text(f"{run.name}: {counted(len(table), 'source image')} in its last round."),
        charts.bars(shown, "class_name", "images", title, meaning),
        _table_of(by_class, f"{run.name}: source classes", "class", len(table)),
        _table_of(by_source, f"{run.name}: by source", "source", len(table)),
        *(_by_column(run, table, name, target, sources) for name in columns),
    ]


def _known(files: DatasetFiles, folders: ImageFolders) -> _Known:
    train = read_images(files.images).filter(pl.col("split") == "train")
    known = train.select("path", "style") if (train["style"] != "").any() else train.select("path")
    if files.user_list is None:
        return _Known(files.name, known, {})
    found = columns_of(files.user_list, folders.of(files.name), known["path"].to_list())
    taken = {name: f"{name} (list)" for name in ("path", "style")}
    values = found.values.rename(taken, strict=False).get_columns()
    return _Known(files.name, known.with_columns(values), found.left_out)


def _not_shown(known: _Known) -> str:
    left = ", ".join(f"{name} ({number:,})" for name, number in known.left_out.items())
    return (
        f"Columns of the list of {known.name} that are not shown, with how many values each has: "
        f"{left}. Those with 2 to {MOST_VALUES} are."
    )


def _by_column(
    run: RunFiles, table: pl.DataFrame, column: str, target: _Known, sources: Sequence[_Known]
) -> Table:
    """How often each value occurs in the subset, beside all source images and the target's."""
    every = pl.concat(
        [
            source.images.select(
                pl.lit(source.name).alias("source"),
                "path",
                (pl.col(column) if column in source.columns else pl.lit(NO_COLUMN)).alias("value"),
            )
            for source in sources
        ]
    )
    used = table.join(every, on=["source", "path"], how="left", maintain_order="left")
    in_all = _shares(every["value"])
    in_target = _shares(target.images[column]) if column in target.columns else None
    counted = {value: rest for value, *rest in _counted(used, "value").iter_rows()}
    rows = []
    for value in dict.fromkeys([*counted, *in_all]):
        images, pairs = counted.get(value, (0, 0))
        of_target = None if in_target is None else percent(in_target.get(value, 0.0))
        shares = percent(images / len(table)), percent(in_all[value]), of_target
        rows.append([value or "(none)", images, *shares, pairs or None])
    head = [column, "images", "share", "of all source images", "of the target", "times chosen"]
    return Table(f"{run.name}: by {column}", head, rows)


def _shares(values: pl.Series) -> dict[str, float]:
    counted = values.value_counts(sort=True, name="images").sort(
        ["images", values.name], descending=[True, False]
    )
    return {value: images / len(values) for value, images in counted.iter_rows()}


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


def _most(table: pl.DataFrame, what: str, images: int) -> str:
    name, number = table.row(0)[:2]
    left = max(0, len(table) - MOST_BARS)
    more = f"; {counted(left, 'more stands', 'more stand')} in the table" if left else ""
    return f"Most images are of the {what} {named(name)}: {number} of {images}{more}."
