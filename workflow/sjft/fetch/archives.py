"""Archives, extracted so that nothing in them can reach outside of a folder.

Tar (plain, or compressed with gzip, bzip2 or xz) and zip. Files and folders come out; links,
devices and names that lead elsewhere are refused, and with them the archive. So is one that expands
without end (see `sjft.fetch.archive_limit`).
"""

import bz2
import errno
import gzip
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Generator
from contextlib import closing
from copy import copy
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, Any, NamedTuple

from sjft.errors import UserError
from sjft.fetch.archive_limit import ArchiveLimit, LimitedStream, shown
from sjft.progress import progress
from sjft.storage.files import NO_ROOM, cannot_be_written

# What the decoders raise on a damaged archive, or on the beginning of one.
READING_ERRORS = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),
)
# What a compressed tar begins with.
COMPRESSED: dict[bytes, Callable[[Path], Any]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\0": lzma.open,
    b"\x5d\0\0": lzma.open,
}
LONGEST_NAME, LONGEST_PART = 1024, 255  # bytes of a path, and of each of its parts


class _Member(NamedTuple):
    """What lies in an archive: a file's content, or None for a folder; or what it is instead."""

    name: str
    size: int  # as its header has it
    content: IO[bytes] | None
    refused: str | None


def extract_archive(archive: Path, folder: Path, limit: ArchiveLimit | None = None) -> int:
    """Extract an archive into ``folder``; returns the number of files.

    Modes and owners of the archive are not taken over. A file that is in it twice is the last one,
    as for tar. Raises `UserError` that names archive and member, also for what goes beyond the
    ``limit`` (without one, that of any archive); nothing of the archive is then left.
    """
    written: set[Path] = set()
    try:
        _extract_all(archive, folder, limit or ArchiveLimit(archive), written)
        if not written:
            raise _damaged(archive, "there is no file in it")
    except BaseException:
        _take_back(folder, written)
        raise
    return len(written)


def _extract_all(archive: Path, folder: Path, limit: ArchiveLimit, written: set[Path]) -> None:
    try:
        with closing(_members_of(archive, limit)) as members:
            for member in progress(
                members, total=None, what=f"extracting {archive.name}", unit="members"
            ):
                _extract(member, archive, folder, limit, written)
    except READING_ERRORS as error:
        raise _damaged(archive, str(error) or type(error).__name__) from None
    except OSError as error:
        if not _of_decoder(error):
            raise
        raise _damaged(archive, str(error)) from None


def _of_decoder(error: OSError) -> bool:
    # gzip and bzip2 give no number; zip seeks to a place that no file has.
    return error.errno in (None, errno.EINVAL)


def _take_back(folder: Path, written: set[Path]) -> None:
    """Remove these files, and the folders that are empty without them."""
    for path in written:
        path.unlink(missing_ok=True)
    for parent, _, _ in os.walk(folder, topdown=False):
        if not any(Path(parent).iterdir()):
            Path(parent).rmdir()


def _damaged(archive: Path, reason: str) -> UserError:
    return UserError(
        f"{archive}: cannot be extracted ({reason}). It is damaged, incomplete, or no archive: "
        "remove it and run again, to have it downloaded anew."
    )


def _members_of(archive: Path, limit: ArchiveLimit) -> Generator[_Member]:
    # Tar first: a tar that ends with a zip would pass for one.
    stream = LimitedStream(_opened(archive), limit)
    try:
        tar = tarfile.open(fileobj=stream, mode="r:")  # noqa: SIM115  (closed with its members)
    except (*READING_ERRORS, OSError) as error:
        stream.close()
        if isinstance(error, OSError) and not _of_decoder(error):
            raise
    else:
        return _tar_members(tar, stream)
    if zipfile.is_zipfile(archive):
        return _zip_members(archive, limit)
    raise _damaged(archive, "it is neither tar, tar.gz, tar.bz2, tar.xz nor zip")


def _opened(archive: Path) -> IO[bytes]:
    """The bytes of a tar, decompressed where they are compressed."""
    with archive.open("rb") as file:
        beginning = file.read(max(map(len, COMPRESSED)))
    for magic, opened in COMPRESSED.items():
        if beginning.startswith(magic):
            stream: IO[bytes] = opened(archive)
            return stream
    return archive.open("rb")


def _tar_members(tar: tarfile.TarFile, stream: LimitedStream) -> Generator[_Member]:
    with stream, tar:
        while (member := _next(tar, stream)) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps millions of them
            refused = None
            if member.issym() or member.islnk():
                refused = f"is a link to {shown(member.linkname)}"
            elif not (member.isreg() or member.isdir()):
                refused = "is a device or the like"
            is_file = member.isreg() and member.size >= 0
            content = tar.extractfile(member) if is_file else None
            yield _Member(member.name, member.size if member.isreg() else 0, content, refused)
        stream.seek(tar.offset)
        # tarfile takes an archive that ends between two members for a whole one.
        if stream.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("its end is missing")
        while stream.read(2**20):
            pass  # to the end, where gzip, bzip2 and xz check the whole


def _next(tar: tarfile.TarFile, stream: LimitedStream) -> tarfile.TarInfo | None:
    stream.at_header()
    member = tar.next()
    stream.at_content(None if member is None else member.name)
    return member


def _zip_members(archive: Path, limit: ArchiveLimit) -> Generator[_Member]:
    with zipfile.ZipFile(archive) as file:
        claimed = copy(limit)
        for member in file.infolist():
            claimed.take(member.filename, member.file_size)  # before anything is written
        for member in file.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            refused = None
            if kind == stat.S_IFLNK:
                refused = "is a link"
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                refused = "is a device or the like"
            if refused or member.is_dir():
                yield _Member(member.filename, 0, None, refused)
            else:
                with file.open(member) as content:
                    yield _Member(member.filename, member.file_size, content, None)


def _extract(
    member: _Member, archive: Path, folder: Path, limit: ArchiveLimit, written: set[Path]
) -> None:
    refused = member.refused or _wrong_name(member.name)
    if refused:
        raise UserError(
            f"{archive}: the member {shown(member.name)} {refused}; such an archive is not "
            "extracted. Allowed are files and folders below the folder that it is extracted into. "
            "Remove the file and get it from its publisher."
        )
    path = folder / member.name
    limit.take(member.name, member.size)
    for parent in path.parents:
        if parent == folder or parent.exists():
            break
        limit.take(member.name, 0)
    try:
        if member.content is None:
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb" if path in written else "xb") as file:
            written.add(path)
            shutil.copyfileobj(member.content, file, 2**20)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise UserError(
            f"{archive}: the member {shown(member.name)} has the place of another one on this "
            "disk. Where their names differ in capitals alone, choose a folder on a disk that "
            "tells them apart (data_root)."
        ) from None
    except OSError as error:
        if error.errno in NO_ROOM:
            raise cannot_be_written(path, error.strerror) from None
        raise


def _wrong_name(name: str) -> str | None:
    """Why a name may not be joined to a folder, on any system."""
    if "\0" in name or not PurePosixPath(name).parts:
        return "has no usable name" if name not in (".", "./") else None
    parts = os.fsencode(name).split(b"/")
    if sum(map(len, parts)) + len(parts) > LONGEST_NAME or max(map(len, parts)) > LONGEST_PART:
        return f"has a name of {len(name):,} characters"
    windows = PureWindowsPath(name)
    if name.startswith(("/", "\\")) or windows.drive:
        return "has an absolute name"
    return "leads out of the folder" if ".." in windows.parts else None
