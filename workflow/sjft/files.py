"""Files written whole or not at all, and digests that say what was read."""

import csv
import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from os import getpid
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from sjft.errors import UserError


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder and move it to ``path`` when all went well.

    The temporary name carries the process id, so that two writers do not share one; it is
    removed when the block fails. What a killed process left of the same file is removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_over in path.parent.glob(f".{escape(path.name)}.*.part"):
        left_over.unlink(missing_ok=True)
    beside = path.with_name(f".{path.name}.{getpid()}.part")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, atomically."""
    with written_beside(path) as beside:
        beside.write_text(text, encoding="utf-8")


def write_json(path: Path, content: object) -> None:
    """Write indented JSON with a final newline, atomically."""
    write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a table as CSV, atomically."""
    with written_beside(path) as beside:
        table.write_csv(beside)


def read_table(path: Path, schema: dict[str, type[pl.DataType] | pl.DataType]) -> pl.DataFrame:
    """Read one of the program's CSV tables and check its columns.

    Raises `UserError` where the file is missing or its columns are not those of ``schema``.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header = next(csv.reader(file), [])
        if header != list(schema):
            raise UserError(
                f"{path}: has the columns {', '.join(header) or '(none)'}; expected "
                f"{', '.join(schema)}. Remove the file and run again."
            )
        return pl.read_csv(path, schema=schema)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file. Run the rule that writes it.") from None
    except (PolarsError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read as a table ({error}). Remove it and run again."
        ) from None


def digest_of_file(path: Path) -> str:
    """BLAKE2b digest (16 bytes, hexadecimal) of a file's content."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None


def digest_of_text(text: str) -> str:
    """BLAKE2b digest (16 bytes, hexadecimal) of a text."""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def stable_integer(*parts: object) -> int:
    """A 63-bit integer that depends on the parts' text alone: for seeds and for shards."""
    return int(digest_of_text("\x1f".join(map(str, parts)))[:16], 16) >> 1
