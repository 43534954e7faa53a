"""Folders that a run will write to: one that is read-only is said before the first job."""

import errno
import os
from collections.abc import Iterable
from pathlib import Path

from sjft.storage.files import cannot_be_written


def require_writable(files: Iterable[Path]) -> None:
    """Raise `UserError` where one of these files could not be written, for want of rights.

    Looked at is the nearest folder above each that is there already.
    """
    for folder in sorted({_nearest(file.parent) for file in files}):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise cannot_be_written(folder, os.strerror(_reason(folder)))


def _nearest(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.is_dir())


def _reason(folder: Path) -> int:
    return errno.EROFS if os.statvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
