"""Files written whole or not at all, and digests that say what was read.

What the program reads again it checks before it parses it. A table has its digest beside it, in a
file that `b2sum --check` understands; JSON holds its own, as its last key; `sjft.storage.seals` is
for binary files. Users may edit tables and JSON: then `sjft.storage.acceptance` takes them for what
was written.
"""

import csv
import errno
import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import polars as pl
from polars.exceptions import PolarsError

from sjft.errors import NotAsWrittenError, UserError
from sjft.storage.part_files import part_file, remove_left_over

# What a system says where there is no more room, or none for this user, whatever file it names.
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS})
_JSON_END = re.compile(rb'"digest": "([0-9a-f]{32})"\n}\n\Z')
_NO_DIGEST = "0" * 32
_CHANGED = "is not what was written: it is damaged, or was edited"


def cannot_be_written(path: object, reason: str | None) -> UserError:
    """The one message about a full disk, a folder that is read-only, and their like."""
    return UserError(
        f"{path}: cannot be written ({reason}). Make room there, or check your rights and quota, "
        "and run again."
    )


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an `OSError` of a block that writes to ``path`` alone into a `UserError`."""
    try:
        yield
    except OSError as error:
        raise cannot_be_written(path, error.strerror or str(error)) from error


@contextmanager
def written_beside(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder and move it to ``path`` when all went well.

    Two writers never share the temporary name (`sjft.storage.part_files`); it is removed when the
    block fails. What a killed process left of the same file is removed first. Raises `UserError`
    where the folder or the file cannot be written.
    """
    beside = part_file(path)
    with writing(path):
        if path.exists() and not path.is_file():  # a device, say, which must not be replaced
            raise OSError(errno.EINVAL, "it is no regular file")
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_left_over(path)
    try:
        try:
            yield beside
        except OSError as error:
            # The block may read other files, whose errors are not this one's.
            if error.errno in NO_ROOM or str(error.filename) == str(beside):
                raise cannot_be_written(path, error.strerror) from error
            raise
        with writing(path):
            beside.replace(path)
    finally:
        # Of a folder that has become read-only the error above is told, not this one.
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, atomically."""
    with written_beside(path) as beside, writing(path):
        beside.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write indented JSON with its own digest as the last key, and a final newline, atomically."""
    text = json.dumps({**content, "digest": _NO_DIGEST}, indent=2, ensure_ascii=False) + "\n"
    end = f'"{_NO_DIGEST}"\n}}\n'
    write_text(path, text.removesuffix(end) + end.replace(_NO_DIGEST, digest_of_text(text)))


def read_json(path: Path) -> dict[str, Any]:
    """Read what `write_json` wrote, without the digest.

    Raises `NotAsWrittenError` for any other file, and `UserError` for none.
    """
    content = content_of(path)
    end = _JSON_END.search(content)
    if end is None:
        try:
            json.loads(content)
            reason = "does not end with its digest: an older version wrote it, or you edited it"
        except (ValueError, RecursionError) as error:
            reason = f"is no JSON ({error})"
        raise NotAsWrittenError(path, reason, _remedy(path))
    blank = content[: end.start(1)] + _NO_DIGEST.encode() + content[end.end(1) :]
    if digest_of_bytes(blank) != end[1].decode():
        raise NotAsWrittenError(path, _CHANGED, _remedy(path))
    try:
        values: dict[str, Any] = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotAsWrittenError(path, f"is no JSON ({error})", _remedy(path)) from None
    return {key: value for key, value in values.items() if key != "digest"}


def write_plain_table(path: Path, table: pl.DataFrame) -> None:
    """Write a table as CSV, atomically, that no job reads."""
    write_text(path, table.write_csv())


def write_table(path: Path, table: pl.DataFrame) -> None:
    """Write a table as CSV that `read_table` reads, with its digest beside it."""
    write_with_digest(path, table.write_csv().encode("utf-8"))


def read_table(path: Path, schema: dict[str, type[pl.DataType] | pl.DataType]) -> pl.DataFrame:
    """Read what `write_table` wrote and check its columns.

    Raises `UserError` where the file is missing or its columns are not those of ``schema``, and
    `NotAsWrittenError` where it is not what was written.
    """
    content = read_with_digest(path)
    try:
        header = next(csv.reader(io.StringIO(io.BytesIO(content).readline().decode("utf-8"))), [])
        if header != list(schema):
            raise UserError(
                f"{path}: has the columns {', '.join(header) or '(none)'}; expected "
                f"{', '.join(schema)}. Remove the file and run again."
            )
        return pl.read_csv(content, schema=schema)
    except (PolarsError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: cannot be read as a table ({error}). Remove it and run again."
        ) from None


def digest_file(path: Path) -> Path:
    """Where the digest of a table lies: beside it, and copied with its folder."""
    return path.with_name(f"{path.name}.digest")


def write_with_digest(path: Path, content: bytes) -> None:
    """Write a file and its digest as one step.

    Until the new file is in its place the digests of both hold: whenever the process is killed,
    there lies a file with a digest of its own.
    """
    new = digest_of_bytes(content)
    old = _digest_of_intact(path)
    write_text(digest_file(path), _digest_lines(path, dict.fromkeys([new, *old])))
    write_bytes(path, content)
    if old not in ([], [new]):
        write_text(digest_file(path), _digest_lines(path, [new]))


def read_with_digest(path: Path) -> bytes:
    """The content of what `write_with_digest` wrote; raises `NotAsWrittenError` for any other."""
    for _ in range(2):  # between the two readings another process may have renewed both
        content, digests = content_of(path), _digests_beside(path)
        if digest_of_bytes(content) in digests:
            return content
    raise _not_what_it_says(path)


def require_digest_beside(path: Path) -> None:
    """Raise `NotAsWrittenError` where a file has no digest beside it, or another one's."""
    if digest_of_file(path) not in _digests_beside(path):
        raise _not_what_it_says(path)


def write_digest(path: Path) -> None:
    """Write the digest of a file that lies there, beside it."""
    write_text(digest_file(path), _digest_lines(path, [digest_of_file(path)]))


def _not_what_it_says(path: Path) -> NotAsWrittenError:
    reason = _CHANGED
    if not digest_file(path).exists():
        reason = (
            f"has no digest beside it, {digest_file(path).name}: an older version wrote it, or it "
            "was copied without"
        )
    elif not _digests_beside(path):
        reason = f"has a damaged digest beside it, {digest_file(path).name}"
    return NotAsWrittenError(path, reason, _remedy(path))


def _remedy(path: Path) -> str:
    return (
        f"Remove it and run again; or, where it is what you want, accept it as it is: "
        f"`sjft accept {path}`."
    )


def content_of(path: Path) -> bytes:
    """A file's bytes; raises `UserError` where there are none to be had.

    A pipe may have none for ever, and a device has no end: neither is read.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise OSError(errno.EINVAL, "it is no file")
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file. Run the rule that writes it.") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None


def _digest_lines(path: Path, digests: Iterable[str]) -> str:
    return "".join(f"BLAKE2b-128 ({path.name}) = {digest}\n" for digest in digests)


def _digests_beside(path: Path) -> list[str]:
    """The digests that a file may have; none where there are none, or they cannot be told."""
    try:
        text = digest_file(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    digests = re.findall(r"= ([0-9a-f]{32})\n", text)
    return digests if text == _digest_lines(path, digests) else []


def _digest_of_intact(path: Path) -> list[str]:
    """The digest of a file that is what was written; nothing of any other, or of none."""
    digests = _digests_beside(path)
    if not digests or not path.is_file():
        return []
    return [digest for digest in [digest_of_file(path)] if digest in digests]


def new_digest() -> "hashlib.blake2b":
    """What all digests are computed by: BLAKE2b of 16 bytes."""
    return hashlib.blake2b(digest_size=16)


def digest_of_file(path: Path) -> str:
    """BLAKE2b digest (16 bytes, hexadecimal) of a file's content."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, new_digest).hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None


def digest_of_bytes(content: bytes) -> str:
    """BLAKE2b digest (16 bytes, hexadecimal) of bytes."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def digest_of_text(text: str) -> str:
    """BLAKE2b digest (16 bytes, hexadecimal) of a text."""
    return digest_of_bytes(text.encode("utf-8", "surrogateescape"))


def stable_integer(*parts: object) -> int:
    """A 63-bit integer that depends on the parts' text alone: for seeds and for shards."""
    return int(digest_of_text("\x1f".join(map(str, parts)))[:16], 16) >> 1
