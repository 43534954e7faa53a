"""Image files as the disk knows them: size, time of modification, digest of the content.

And texts that change with any file of a data set, for the look at changes when a run starts.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.data.folders import Walk, leads_nowhere
from sjft.data.omissions import Omissions
from sjft.errors import UserError
from sjft.storage.files import digest_of_file

# Threads wait for the disk, not for a core.
READERS_AT_A_TIME = 8


@dataclass(frozen=True)
class FileFacts:
    """Sizes in bytes and times of modification in nanoseconds since 1970, int64 [files].

    ``inodes``, uint64 [files], are the numbers by which the file system knows them: the same for
    two names of one file. None, or 0, where that is not known.
    """

    bytes: NDArray[np.int64]
    modified: NDArray[np.int64]
    inodes: NDArray[np.uint64] | None = None


def facts_of_files(root: Path, paths: list[str]) -> FileFacts:
    """Ask the disk about files below ``root``; raises `UserError` for one that is not there."""
    folder = os.fspath(root)
    sizes, times = np.empty(len(paths), np.int64), np.empty(len(paths), np.int64)
    inodes = np.empty(len(paths), np.uint64)
    for row, path in enumerate(paths):
        try:
            state = os.stat(f"{folder}/{path}")  # noqa: PTH116  (called a million times)
        except OSError as error:
            raise UserError(
                f"{root / path}: is listed but cannot be found ({error.strerror}). Look "
                "at its permissions, and whether something is moving the images just now; then "
                "run again."
            ) from None
        sizes[row], times[row], inodes[row] = state.st_size, state.st_mtime_ns, state.st_ino
    return FileFacts(sizes, times, inodes)


def same_files(root: Path, paths: list[str], facts: FileFacts) -> list[list[str]]:
    """The groups of paths that are one file each, by links, in the order of ``paths``."""
    if facts.inodes is None:
        return []
    ordered = np.sort(facts.inodes)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    by_file: dict[tuple[int, int], list[str]] = {}
    for row in np.flatnonzero(np.isin(facts.inodes, repeated[repeated != 0])).tolist():
        # Two disks may use one number.
        device = os.stat(root / paths[row]).st_dev  # noqa: PTH116
        by_file.setdefault((device, int(facts.inodes[row])), []).append(paths[row])
    return [group for group in by_file.values() if len(group) > 1]


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


def file_line(name: str, state: os.stat_result) -> str:
    """A file's name, size and time of modification: changes when it is renamed or replaced."""
    return f"{name}\t{state.st_size}\t{state.st_mtime_ns}"


def files_below(folder: str | Path, omissions: Omissions | None = None) -> Iterator[str]:
    """Yield, folder by folder in a stable order, a text that changes with any file in it.

    It holds names, sizes and times of modification. Folders are visited by the rules of `Walk`;
    what is no file, and what it leaves out, is counted and named in ``omissions``.
    """
    walk = Walk(folder, omissions)
    for visited in walk.folders(folder):
        lines = [visited.prefix]
        for entry in sorted(visited.files, key=lambda entry: entry.name):
            if not leads_nowhere(entry) and entry.is_file():
                lines.append(file_line(entry.name, entry.stat()))
            else:
                walk.leave_out(entry, visited.prefix)
        yield "\n".join(lines)


def folders_below(folder: str | Path) -> Iterator[str]:
    """Yield, for a folder and those below it, names and times of modification."""
    for visited in Walk(folder).folders(folder):
        state = os.stat(visited.path)  # noqa: PTH116
        yield f"{visited.prefix}\t{state.st_mtime_ns}"
