"""What else a user's list says of its images: columns that no stage goes by, for the report alone.

They are read from the list itself, and no part of images.csv: that a camera's name is corrected
there is no reason to compute anything anew.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from sjft.data.readers.listed import path_in
from sjft.data.readers.tables import table_rows
from sjft.settings.dataset import CsvList, DatasetSettings

MOST_VALUES = 40  # of a column that is shown: more tell images apart, and no groups of them
NOT_LISTED, EMPTY = "(not in the list)", "(empty)"


@dataclass(frozen=True)
class ListFile:
    """A user's list: absolute or relative to the data set's root.

    ``read`` are the columns that the pipeline reads for itself.
    """

    file: str
    delimiter: str
    path_column: str
    read: Sequence[str]


@dataclass(frozen=True)
class Columns:
    """``values`` has a row for each image that was asked for, and a column of text for each shown.

    ``left_out`` are the other columns, with how many values each has.
    """

    values: pl.DataFrame
    left_out: dict[str, int]


def list_of(settings: DatasetSettings) -> ListFile | None:
    """The list of a data set; None where a reader finds the images by itself."""
    if not isinstance(settings, CsvList):
        return None
    read = (
        *(settings.path_column, settings.class_column),
        *(name for name in (settings.split_column, settings.style_column) if name is not None),
    )
    return ListFile(settings.file, settings.delimiter, settings.path_column, list(read))


def columns_of(found: ListFile, root: Path, paths: Sequence[str]) -> Columns:
    """The further columns of a list with 2 to `MOST_VALUES` values, of the images at ``paths``.

    Paths are as images.csv has them. Raises `UserError` for a list that cannot be read.
    """
    table = _read(found, root)
    rows = _rows_of(paths, [path_in(root, path, found.file) for path in table[found.path_column]])
    values = {}
    left_out = {}
    for name in table.columns:
        if name in found.read:
            continue
        column = table[name]
        number = column.n_unique()
        if not 2 <= number <= MOST_VALUES:
            left_out[name] = number
            continue
        of_rows = column.to_list()
        values[name] = [NOT_LISTED if row is None else of_rows[row] or EMPTY for row in rows]
    return Columns(pl.DataFrame(values, schema=dict.fromkeys(values, pl.String)), left_out)


def _read(found: ListFile, root: Path) -> pl.DataFrame:
    """The list as text: read as the listing reads it, so that one file has one meaning."""
    rows = table_rows(root / found.file, found.delimiter, [found.path_column])
    return pl.DataFrame([row for _, row in rows], infer_schema_length=None)


def _rows_of(paths: Sequence[str], listed: Sequence[str]) -> list[int | None]:
    """The row of each path: of the same one, or of the only one that differs in its form alone."""
    row_of = {path: row for row, path in enumerate(listed)}
    rows = [row_of.get(path) for path in paths]
    if None not in rows:
        return rows
    alike: dict[str, int | None] = {}
    for row, path in enumerate(listed):
        folded = _folded(path)
        alike[folded] = None if folded in alike else row
    return [
        alike.get(_folded(path)) if row is None else row
        for path, row in zip(paths, rows, strict=True)
    ]


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
