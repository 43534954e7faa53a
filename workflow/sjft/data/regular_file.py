"""Regular files alone are opened: reading a pipe may wait for ever, and a device never ends."""

import os
import stat
from pathlib import Path

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
# A pipe that took the file's place a moment ago must not hold up its opening.
READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class NotRegularError(ValueError):
    """There is something else than a file; the message says what, not where."""


class TooLargeError(ValueError):
    """What is to be read is over a limit; the message says by how much, not where."""


def read_regular_file(path: Path, most_bytes: int) -> bytes:
    """The content of a file, at most so many bytes long. Links are followed.

    Raises `NotRegularError` and `TooLargeError`, without reading anything, and `OSError` where
    there is no file or it cannot be read.
    """
    # Opening some devices does something: they are told before.
    check_regular(os.stat(path))  # noqa: PTH116  (called for every image)
    descriptor = os.open(path, READING)
    try:
        state = os.fstat(descriptor)
        check_regular(state)
        if state.st_size > most_bytes:
            raise TooLargeError(
                f"{state.st_size / 1e6:,.1f} MB; the limit `largest_file` is {most_bytes / 1e6:g}"
            )
        return _read(descriptor, state.st_size)
    finally:
        os.close(descriptor)


def check_regular(state: os.stat_result) -> None:
    """Raise `NotRegularError` where this is not the state of a regular file."""
    if not stat.S_ISREG(state.st_mode):
        kind = KINDS.get(stat.S_IFMT(state.st_mode), "something else")
        raise NotRegularError(f"it is {kind}, no regular file")


def _read(descriptor: int, length: int) -> bytes:
    """So many bytes, or fewer where the file has become shorter."""
    content = os.read(descriptor, length)
    if len(content) == length:
        return content
    parts = [content]  # one call reads 2 GB at most
    while parts[-1] and (left := length - sum(map(len, parts))) > 0:
        parts.append(os.read(descriptor, left))
    return b"".join(parts)
