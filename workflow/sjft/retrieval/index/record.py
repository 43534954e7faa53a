"""The record beside an index on file: what it holds, and that it is still what was written."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sjft.errors import UserError
from sjft.retrieval.index.backend import IndexFiles
from sjft.storage.files import read_json, write_json, written_beside
from sjft.storage.seals import checksum_of_file


@dataclass(frozen=True)
class NewIndex:
    """Where an index is written, what its record is to say of it, and what was checked of it."""

    path: Path
    facts: dict[str, Any] = field(default_factory=dict)
    checks: dict[str, Any] = field(default_factory=dict)


@contextmanager
def recorded(files: IndexFiles, made_from: Mapping[str, str]) -> Iterator[NewIndex]:
    """Have an index written, whole or not at all; then write its record.

    The record also holds the file's size and checksum, and the digests of what it is made from.
    Raises `UserError` where nothing was written.
    """
    started = time.perf_counter()
    with written_beside(files.index) as beside:
        new = NewIndex(beside)
        yield new
        if not beside.is_file():  # else it would be said that the disk refuses
            raise UserError(
                f"{files.index}: its backend wrote no file of the name that it was given, "
                f"{beside.name}. Mend its `build`: numpy's `save`, for one, adds `.npy` to a name, "
                "and nothing to an open file."
            )
        size, checksum = beside.stat().st_size, checksum_of_file(beside)
    write_json(
        files.record,
        {
            **new.facts,
            "bytes": size,
            "checksum_of_index": checksum,
            "made_from": dict(made_from),
            **new.checks,
            "seconds": round(time.perf_counter() - started, 3),
        },
    )


def checked_facts(files: IndexFiles, made_from: Mapping[str, str]) -> dict[str, Any]:
    """What the record says of an index that is as it was written.

    Raises `UserError` for a record that cannot be read, for an index that is truncated, damaged or
    another than the record's, and for one that was made from other files than those of the digests
    ``made_from``.
    """
    path = files.index
    try:
        facts = read_json(files.record)
    except UserError as error:
        raise UserError(f"{path}: cannot be loaded. {error}") from None
    try:
        if path.stat().st_size != facts["bytes"]:
            raise UserError(f"{path}: is truncated. Remove it and run again.")
        # Before its library sees it: that may follow the numbers in the file wherever they lead.
        if checksum_of_file(path) != facts["checksum_of_index"]:
            raise UserError(
                f"{path}: is damaged, or another index than {files.record} is about. Remove both "
                "and run again."
            )
        other = [name for name in made_from if facts["made_from"].get(name) != made_from[name]]
    except (OSError, ValueError, KeyError) as error:
        raise not_loaded(path, error) from None
    if other:
        raise UserError(f"{path}: belongs to another {other[0]} file. Remove it and run again.")
    return facts


def not_loaded(path: Path, error: Exception) -> UserError:
    """What to say of an index that its library, or the disk, does not give."""
    return UserError(f"{path}: cannot be loaded ({error}). Remove it and run again.")
