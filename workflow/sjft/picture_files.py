"""Picture files as the disk knows them: size, time of modification, digest of the content."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.files import digest_of_file

# Threads wait for the disk, not for a core.
READERS_AT_A_TIME = 8


@dataclass(frozen=True)
class FileFacts:
    """Sizes in bytes and times of modification in nanoseconds since 1970, int64 [files]."""

    bytes: NDArray[np.int64]
    modified: NDArray[np.int64]


def facts_of_files(root: Path, paths: list[str]) -> FileFacts:
    """Ask the disk about files below ``root``; raises `UserError` for one that is not there."""
    folder = os.fspath(root)
    sizes, times = np.empty(len(paths), np.int64), np.empty(len(paths), np.int64)
    for row, path in enumerate(paths):
        try:
            state = os.stat(f"{folder}/{path}")  # noqa: PTH116  (called a million times)
        except OSError as error:
            raise UserError(
                f"{root / path}: is listed but cannot be found ({error.strerror}). Put the picture "
                "there, or take it off the list."
            ) from None
        sizes[row], times[row] = state.st_size, state.st_mtime_ns
    return FileFacts(sizes, times)


def with_digests(images: pl.DataFrame, root: Path, known: pl.DataFrame | None) -> pl.DataFrame:
    """Fill the column ``digest`` with BLAKE2b digests of the files' content.

    Files with the path, size and time that they have in ``known`` (an earlier table) are not read
    again.
    """
    keys = ["path", "bytes", "modified"]
    digests = [""] * len(images)
    if known is not None:
        found = images.select(keys).join(
            known.select(*keys, "digest"), on=keys, how="left", maintain_order="left"
        )
        digests = found["digest"].fill_null("").to_list()
    unread = [row for row, digest in enumerate(digests) if not digest]
    with ThreadPoolExecutor(READERS_AT_A_TIME) as pool:
        paths = images["path"]
        found_now = pool.map(lambda row: digest_of_file(root / paths[row]), unread)
        for row, digest in zip(unread, found_now, strict=True):
            digests[row] = digest
    return images.with_columns(pl.Series("digest", digests, dtype=pl.String))


def files_below(folder: str | Path, prefix: str = "") -> Iterator[str]:
    """Yield, folder by folder in a stable order, a text that changes with any file in it.

    It holds names, sizes and times of modification. Links are followed; hidden names are left out,
    as readers leave them out.
    """
    # scandir knows folders from files without asking the file system about each.
    with os.scandir(folder) as entries:
        inside = {entry.name: entry for entry in entries if entry.name[0] != "."}
    lines, folders = [prefix], []
    for name in sorted(inside):
        entry = inside[name]
        if entry.is_dir():
            folders.append(entry)
        elif entry.is_file():  # no broken links
            state = entry.stat()
            lines.append(f"{name}\t{state.st_size}\t{state.st_mtime_ns}")
    yield "\n".join(lines)
    for entry in folders:
        yield from files_below(entry.path, f"{prefix}{entry.name}/")


def folders_below(folder: Path, depth: int, prefix: str = "") -> Iterator[str]:
    """Yield, for folders of so many levels, names and times of modification."""
    yield f"{prefix}\t{folder.stat().st_mtime_ns}"
    if depth:
        with os.scandir(folder) as entries:
            inside = sorted(entry.name for entry in entries if entry.is_dir())
        for name in inside:
            yield from folders_below(folder / name, depth - 1, f"{prefix}{name}/")
