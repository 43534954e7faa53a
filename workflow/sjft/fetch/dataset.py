"""Fetching a data set: download, check, extract, and only then put it all into place."""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sjft.errors import UserError
from sjft.fetch.archive_limit import ArchiveLimit
from sjft.fetch.archives import extract_archive
from sjft.fetch.download import Received, Wanted, download, require_space
from sjft.fetch.install import move_into_place
from sjft.fetch.missing import missing_parts
from sjft.fetch.partial import PartialFile
from sjft.fetch.receipt import (
    RECEIPT,
    WORK_FOLDER,
    Fetched,
    Receipt,
    read_receipt,
    read_receipt_file,
    write_receipt_file,
)
from sjft.settings.addresses import without_secrets
from sjft.settings.dataset import FilesOnDisk
from sjft.settings.download import Download
from sjft.storage.checksums import contradiction, digests_of

LOG = logging.getLogger(__name__)


def fetch_dataset(name: str, settings: FilesOnDisk, data_root: Path) -> str:
    """Download what a data set's entry names, and say in a line what was done.

    Nothing is done where the data is there already. Raises `UserError` for all that goes wrong,
    and, after the downloads, where parts are missing that cannot be downloaded: with the text that
    says how to get them.
    """
    root = data_root / settings.root
    said = f"{name}: its files cannot be downloaded from here."
    if settings.downloads:
        with _alone_in(root):
            said = _fetch(name, settings, root)
    missing = list(missing_parts(settings, root))
    if missing:
        how = " ".join(settings.how_to_get.split()) or "Put your images there."
        raise UserError(
            f"{said}\nNot there: {', '.join(missing)}.\n{how}\nThe data set's root is "
            f"{root.resolve()}; the folder layouts are described in docs/readers.md."
        )
    return said if settings.downloads else f"{name}: is there, in {root}."


@contextmanager
def _alone_in(root: Path) -> Iterator[None]:
    """Wait until no other process fetches into the same folder, and explain errors of its disk."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = os.open(root, os.O_RDONLY)
        try:
            _lock(folder, root)
            yield
        finally:
            os.close(folder)
    except OSError as error:
        raise UserError(
            f"{error.filename or root}: {error.strerror}. Make the folder usable, or choose "
            "another one (data_root, or the data set's root), and run again."
        ) from None


def _lock(folder: int, root: Path) -> None:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        LOG.info("%s: waiting for another process that fetches into it", root)
        fcntl.flock(folder, fcntl.LOCK_EX)
    except OSError as error:  # a disk without locks
        LOG.warning("%s: cannot be locked (%s); fetch into it once at a time", root, error.strerror)


def _fetch(name: str, settings: FilesOnDisk, root: Path) -> str:
    work = root / WORK_FOLDER
    if (work / RECEIPT).is_file():
        LOG.info("%s: complete since the last call, but not in place", work)
        _put_in_place(root, work)
    receipt = read_receipt(root)
    if receipt is None and not list(missing_parts(settings, root)) and _has_files(root, settings):
        return f"{name}: is there already, in {root}, and was not fetched. Nothing is done."
    known = receipt or Receipt()
    wanted = [download for download in settings.downloads if not known.has(download)]
    if not wanted:
        _remove(work)  # of a call that was killed while it tidied up
        return f"{name}: all that can be downloaded is there already, in {root}."
    fetched = _download_all(name, settings, wanted, root)
    contents = _extract_all(name, settings, wanted, root)
    write_receipt_file(work / RECEIPT, known.with_more(fetched, contents))
    _put_in_place(root, work)
    size = sum(file.bytes for file in fetched)
    return f"{name}: fetched into {root} ({size / 1e6:,.1f} MB)."


def _extract_all(
    name: str, settings: FilesOnDisk, wanted: Sequence[Download], root: Path
) -> list[str]:
    """Extract the archives in the working folder; returns what will lie in the root in the end."""
    extracted = root / WORK_FOLDER / "extracted"
    _remove(extracted)  # of a call that was killed, or that found a bad archive
    for file in wanted:
        if file.extract_into is not None:
            archive, key = _downloaded(file, root), f"{_key(name, settings, file)}.extracted_bytes"
            limit = ArchiveLimit(archive, file.extracted_bytes, key)
            files = extract_archive(archive, extracted / file.extract_into, limit)
            LOG.info("%s: %d files", file.name, files)
    contents = {Path(file.name).parts[0] for file in wanted if file.stays}
    contents |= {path.name for path in extracted.glob("*")}
    if taken := contents & {RECEIPT, WORK_FOLDER}:
        raise UserError(
            f"{root / min(taken)}: this name is the program's own, but a file that was downloaded "
            "or extracted has it. Give the download another `save_as` or `extract_into`."
        )
    return sorted(contents)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _has_files(root: Path, settings: FilesOnDisk) -> bool:
    """Whether more lies there than downloads that the user has put into place by hand."""
    by_hand = {Path(file.name).parts[0] for file in settings.downloads}
    names = {path.name for path in root.iterdir() if not path.name.startswith(".")}
    return bool(names - by_hand)


def _download_all(
    name: str, settings: FilesOnDisk, wanted: Sequence[Download], root: Path
) -> list[Fetched]:
    folder = root / WORK_FOLDER / "downloads"
    folder.mkdir(parents=True, exist_ok=True)
    require_space(folder, sum(_space_needed(file, root) for file in wanted))
    found = []
    for file in wanted:
        key = _key(name, settings, file)
        received = _download_one(file, key, root)
        if file.checksum is None:
            LOG.info("%s: to pin it: `checksum: sha256:%s`", key, received.sha256)
        found.append(
            Fetched(
                url=without_secrets(file.url),
                name=file.name,
                bytes=received.bytes,
                sha256=received.sha256,
                checksum=file.checksum,
                stays=file.stays,
            )
        )
    return found


def _key(name: str, settings: FilesOnDisk, file: Download) -> str:
    """Where the configuration speaks of a file."""
    return f"datasets.{name}.downloads[{settings.downloads.index(file)}]"


def _space_needed(file: Download, root: Path) -> int:
    """Bytes still to come: an archive and what is extracted from it are there at the same time."""
    size, path = file.bytes or 0, _downloaded(file, root)
    to_download = 0 if path.is_file() else size - min(size, PartialFile(path).size)
    return to_download + (0 if file.extract_into is None else size)


def _downloaded(file: Download, root: Path) -> Path:
    """Where the file lies: in its place, where the user has put it there, or in the work folder."""
    by_hand = root / file.name
    return by_hand if by_hand.is_file() else root / WORK_FOLDER / "downloads" / file.name


def _download_one(file: Download, key: str, root: Path) -> Received:
    path = _downloaded(file, root)
    if not path.is_file():
        by_hand = f"Or get the file in any other way, as {root / file.name}, and run again."
        wanted = Wanted(file.url, key, by_hand, file.bytes, file.checksum, f"{key}.bytes")
        return download(wanted, path)
    size, digests = path.stat().st_size, digests_of(path, file.checksum)
    if wrong := contradiction(size, digests, file.bytes, file.checksum):
        raise UserError(
            f"{path}: {wrong}. Remove it to have it downloaded from {without_secrets(file.url)}; "
            f"or, where it is what you want, correct `{key}` of the configuration."
        )
    return Received(size, digests["sha256"])


def _put_in_place(root: Path, work: Path) -> None:
    """Move what is complete and checked into place, and tidy up; a kill at any point is mended."""
    receipt = read_receipt_file(work / RECEIPT)
    assert receipt is not None
    staying = [file.name for file in receipt.downloads if file.stays]
    moves = [(work / "downloads" / name, root / name) for name in staying]
    moves += [(path, root / path.name) for path in sorted((work / "extracted").glob("*"))]
    move_into_place(moves)
    (work / RECEIPT).replace(root / RECEIPT)
    shutil.rmtree(work)
