"""What is read for the page alone: tables, checked for the columns that it needs, and texts."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from sjft.errors import UserError
from sjft.reports.report_page.inputs import RunFiles
from sjft.selection.subset import read_selected
from sjft.storage.files import content_of, read_with_digest
from sjft.storage.plain_tables import parsed_table


def table_with(path: Path, columns: Sequence[str]) -> pl.DataFrame:
    """Read a table that has these columns; raises `UserError` where it is not what was written."""
    content = read_with_digest(path)
    try:
        table = parsed_table(content)
    except (PolarsError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read as a table ({error}). Remove it and run again."
        ) from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise UserError(
            f"{path}: has no column {', '.join(missing)}; its columns are "
            f"{', '.join(table.columns)}. Remove the file and run again."
        )
    return table


def text_of(path: Path) -> str:
    """The text of a file for people, which has no digest; raises `UserError` where it is none."""
    try:
        return content_of(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: is no UTF-8 text ({error}): it is damaged, or was edited. Remove it and run "
            "again."
        ) from None


def runs_with_source(runs: Sequence[RunFiles]) -> list[RunFiles]:
    """The first run of each arm that has source images: with the published seed."""
    first = {run.arm: run for run in reversed(runs)}
    in_order = [first[arm] for arm in dict.fromkeys(run.arm for run in runs)]
    return [run for run in in_order if len(read_selected(run.rounds[-1].subset))]
