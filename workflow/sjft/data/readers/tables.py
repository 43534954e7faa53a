"""Readers of tables: one row per image, in a user's own file or in the demo's."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from sjft.data.folders import Walk, cannot_be_read
from sjft.data.omissions import shown
from sjft.data.readers.listed import SPLITS, ListedImage, path_in
from sjft.data.readers.on_disk import as_on_disk
from sjft.errors import NotAsWrittenError, UserError
from sjft.settings.datasets.made import Cameras, Synthetic
from sjft.settings.datasets.tables import CsvList
from sjft.storage.files import require_digest_beside


def read_csv(settings: CsvList, root: Path, walk: Walk | None = None) -> list[ListedImage]:
    """List the rows of a table with one image each.

    Raises `UserError` that names the file and the row: a missing column, an empty cell, an
    unknown split, an image listed twice, or one that is not there.
    """
    advice = f"Put the image there, or correct the row: paths are relative to {root}."
    return _read_table(settings, root, walk, advice)


def _read_table(settings: CsvList, root: Path, walk: Walk | None, advice: str) -> list[ListedImage]:
    table = root / settings.file
    columns = {
        "path": settings.path_column,
        "class_name": settings.class_column,
        "split": settings.split_column,
        "style": settings.style_column,
    }
    wanted = {field: column for field, column in columns.items() if column is not None}
    listed, numbers = [], []
    for number, row in table_rows(table, settings.delimiter, list(wanted.values())):
        cells = {field: row[column] for field, column in wanted.items()}
        image = ListedImage(**{"split": "train", **cells})
        where = f"{table}, row {number}"
        _check_row(where, image)
        numbers.append(number)
        listed.append(replace(image, path=path_in(root, image.path, where)))
    if not listed:
        raise UserError(f"{table}: the table has no rows.")
    return as_on_disk(listed, root, lambda i: (table, numbers[i]), walk, advice=advice)


def table_rows(
    table: Path, delimiter: str, wanted: Sequence[str]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each row of a list with the number of its last line: cells by column, stripped.

    Cells that a row lacks are empty. Raises `UserError` for a file that is missing, cannot be read,
    is no table, or lacks a ``wanted`` column; for a column that stands twice, a row with more cells
    than there are columns, and a quote that is not closed: what they mean cannot be told.
    """
    line = 0
    try:
        # utf-8-sig: spreadsheets like to write a byte-order mark.
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter=delimiter, restval="", strict=True)
            names = rows.fieldnames or []
            if missing := [column for column in wanted if column not in names]:
                raise _no_column(table, missing[0], names, delimiter)
            if twice := [name for name, times in Counter(names).items() if name and times > 1]:
                raise UserError(
                    f"{table}: the column {shown(twice[0])!r} stands twice in the first row. "
                    "Rename or remove one of the two."
                )
            line = rows.line_num
            for row in rows:
                line = rows.line_num
                if any(cell.strip() for cell in row.pop(None, ())):
                    raise UserError(
                        f"{table}, row {line}: has more cells than there are columns. Put a cell "
                        f"that holds {delimiter!r} in quotes, or take off what is too much."
                    )
                yield line, {name: cell.strip() for name, cell in row.items()}
    except FileNotFoundError:
        raise UserError(f"{table}: there is no such file.") from None
    except OSError as error:
        raise cannot_be_read(error) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{table}: is not UTF-8 ({error}). Convert it.") from None
    except csv.Error as error:
        raise UserError(
            f"{table}, row {line + 1} or below: cannot be read as a table ({error}). Look for a "
            "quote that is not closed."
        ) from None


def _no_column(table: Path, missing: str, there: Sequence[str], delimiter: str) -> UserError:
    advice = (
        "Name the right one in the data set's entry (path_column, class_column, split_column, "
        "style_column)"
    )
    if len(there) == 1 and (others := sorted({*";,\t|"}.intersection(there[0]) - {delimiter})):
        advice = f"Are they parted by {others[0]!r}? Set `delimiter` in the data set's entry"
    return UserError(
        f"{table}: there is no column `{missing}`; the columns are "
        f"{', '.join(map(shown, there)) or '(none)'}. {advice}."
    )


def _check_row(where: str, image: ListedImage) -> None:
    if not image.path or not image.class_name:
        raise UserError(f"{where}: path and class must not be empty.")
    if image.split not in SPLITS:
        raise UserError(f"{where}: split {image.split!r}; allowed are {', '.join(SPLITS)}.")


def read_generated(
    settings: Synthetic | Cameras, root: Path, walk: Walk | None = None
) -> list[ListedImage]:
    """List generated images by the table that was written with them.

    Raises `UserError` where the table is missing or not as it was written. The folder as a whole
    is what its rule makes: without the table alone, nothing would run again.
    """
    path = root / "images.csv"
    remedy = f"Remove the folder {root}, and its images are made again."
    if not path.is_file():
        raise UserError(f"{path}: there is no such file. {remedy}")
    try:
        require_digest_beside(path)
    except NotAsWrittenError as error:
        raise NotAsWrittenError(path, error.reason, remedy) from None
    table = CsvList(reader="csv", root=str(root), file="images.csv", style_column="style")
    return _read_table(table, root, walk, remedy)
