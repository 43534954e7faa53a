"""Archives, extracted so that nothing in them can reach outside of a folder.

Tar (plain, or compressed with gzip, bzip2 or xz) and zip. Files and folders come out; links,
devices and names that lead elsewhere are refused, and with them the archive.
"""

import errno
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, NamedTuple

from sjft.errors import UserError
from sjft.progress import progress

# What the decoders raise on a damaged archive, or on the beginning of one.
READING_ERRORS = (
    *(tarfile.TarError, zipfile.BadZipFile, zlib.error, LZMAError, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),
)


class _Member(NamedTuple):
    """What lies in an archive: a file's content, or None for a folder; or what it is instead."""

    name: str
    content: IO[bytes] | None
    refused: str | None


def extract_archive(archive: Path, folder: Path) -> int:
    """Extract an archive into an empty or new ``folder``; returns the number of files.

    Modes and owners of the archive are not taken over. A file that is in it twice is the last one,
    as for tar. Raises `UserError` that names archive and member; the folder then holds a part.
    """
    written: set[Path] = set()
    try:
        with closing(_members_of(archive)) as members:
            for member in progress(
                members, total=None, what=f"extracting {archive.name}", unit="members"
            ):
                _extract(member, archive, folder, written)
    except READING_ERRORS as error:
        raise _damaged(archive, str(error) or type(error).__name__) from None
    except OSError as error:
        # gzip and bzip2 give no number; zip seeks to a place that no file has.
        if error.errno not in (None, errno.EINVAL):
            raise
        raise _damaged(archive, str(error)) from None
    if not written:
        raise _damaged(archive, "there is no file in it")
    return len(written)


def _damaged(archive: Path, reason: str) -> UserError:
    return UserError(
        f"{archive}: cannot be extracted ({reason}). It is damaged, incomplete, or no archive: "
        "remove it and run again, to have it downloaded anew."
    )


def _members_of(archive: Path) -> Generator[_Member]:
    # Tar first: a tar that ends with a zip would pass for one.
    if tarfile.is_tarfile(archive):
        return _tar_members(archive)
    if zipfile.is_zipfile(archive):
        return _zip_members(archive)
    raise _damaged(archive, "it is neither tar, tar.gz, tar.bz2, tar.xz nor zip")


def _tar_members(archive: Path) -> Generator[_Member]:
    with tarfile.open(archive) as tar:
        while (member := tar.next()) is not None:
            tar.members.clear()  # type: ignore[attr-defined]  # or it keeps millions of them
            refused = None
            if member.issym() or member.islnk():
                refused = f"is a link to {member.linkname!r}"
            elif not (member.isreg() or member.isdir()):
                refused = "is a device or the like"
            content = tar.extractfile(member) if member.isreg() else None
            yield _Member(member.name, content, refused)
        assert tar.fileobj is not None
        tar.fileobj.seek(tar.offset)
        # tarfile takes an archive that ends between two members for a whole one.
        if tar.fileobj.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
            raise tarfile.ReadError("its end is missing")
        while tar.fileobj.read(2**20):
            pass  # to the end, where gzip, bzip2 and xz check the whole


def _zip_members(archive: Path) -> Generator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            refused = None
            if kind == stat.S_IFLNK:
                refused = "is a link"
            elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                refused = "is a device or the like"
            if refused or member.is_dir():
                yield _Member(member.filename, None, refused)
            else:
                with file.open(member) as content:
                    yield _Member(member.filename, content, None)


def _extract(member: _Member, archive: Path, folder: Path, written: set[Path]) -> None:
    refused = member.refused or _wrong_name(member.name)
    if refused:
        raise UserError(
            f"{archive}: the member {member.name!r} {refused}; such an archive is not extracted. "
            "Allowed are files and folders below the folder that it is extracted into. Remove the "
            "file and get it from its publisher."
        )
    path = folder / member.name
    try:
        if member.content is None:
            path.mkdir(parents=True, exist_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb" if path in written else "xb") as file:
            shutil.copyfileobj(member.content, file, 2**20)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise UserError(
            f"{archive}: the member {member.name!r} has the place of another one on this disk. "
            "Where their names differ in capitals alone, choose a folder on a disk that tells "
            "them apart (data_root)."
        ) from None
    written.add(path)


def _wrong_name(name: str) -> str | None:
    """Why a name may not be joined to a folder, on any system."""
    if "\0" in name or not PurePosixPath(name).parts:
        return "has no usable name" if name not in (".", "./") else None
    windows = PureWindowsPath(name)
    if name.startswith(("/", "\\")) or windows.drive:
        return "has an absolute name"
    return "leads out of the folder" if ".." in windows.parts else None
