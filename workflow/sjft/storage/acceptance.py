"""A file that a user edited is taken for what was written."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from sjft.errors import UserError
from sjft.storage.files import content_of, digest_file, write_bytes, write_digest, write_json


def accept_as_it_is(path: Path, require_sane: Callable[[Path], None] = lambda path: None) -> str:
    """Take a table or JSON file for what was written; returns what was done, for the terminal.

    Its time stays. ``require_sane`` raises `UserError` for a table that no job could work with:
    then its digest stays what it was. Raises `UserError` for other files too: those that nobody
    edits are made anew.
    """
    content = content_of(path)
    if path.suffix == ".csv" or digest_file(path).exists():
        _accept_table(path, require_sane)
        return f"{path}: accepted as it is; its digest is in {digest_file(path).name}."
    try:
        values = json.loads(content) if path.suffix == ".json" else None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: is no JSON ({error}). Mend it, or remove it.") from None
    if not isinstance(values, dict):
        raise UserError(
            f"{path}: only tables (.csv) and records (.json) can be accepted as they are. Remove "
            "the file, and the rule that writes it runs again."
        )
    before = path.stat()
    write_json(path, {key: value for key, value in values.items() if key != "digest"})
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return f"{path}: accepted as it is; its digest is its last key."


def _accept_table(path: Path, require_sane: Callable[[Path], None]) -> None:
    beside = digest_file(path)
    before = beside.read_bytes() if beside.exists() else None
    write_digest(path)  # first: without it nothing reads the table
    try:
        require_sane(path)
    except UserError:
        if before is None:
            beside.unlink()
        else:
            write_bytes(beside, before)
        raise
