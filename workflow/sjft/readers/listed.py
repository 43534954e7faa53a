"""What a reader returns, and how a published list is checked against the disk."""

import logging
import os
import posixpath
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sjft.errors import UserError
from sjft.images import SUFFIXES

SPLITS = ("train", "val", "test")
LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image: its path relative to the data set's root, class, split and known style."""

    path: str
    class_name: str
    split: str
    style: str = ""


Reader = Callable[[Any, Path], list[ListedImage]]
# The file (or what stands for it) and the row that list the image of a given number.
Place = Callable[[int], tuple[object, int]]


def is_image(name: str) -> bool:
    """Whether a file's name ends as a picture's does."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122  (called a million times)


def folder_in(root: Path, name: str, contents: str) -> Path:
    """A folder that must be there; ``contents`` says what is expected in it."""
    folder = root / name
    if not folder.is_dir():
        raise UserError(
            f"{folder}: there is no such folder; expected there: {contents}. Extract the "
            "publisher's archive into the data set's `root`, or set `root` to where it lies."
        )
    return folder


def as_on_disk(
    listed: Sequence[ListedImage], root: Path, place: Place, *, any_case: bool = False
) -> list[ListedImage]:
    """Check that each listed image is there and is listed once; spell its path as the disk does.

    Folders are read, each once, and no file is asked for by itself. With ``any_case``, a name that
    differs from a single file's in capitals only stands for that file. Raises `UserError` that
    names the list and the row for an image that is not there or is listed twice. Pictures beside
    the listed ones are counted in the log.
    """
    by_folder: dict[str, list[int]] = {}
    for index, image in enumerate(listed):
        by_folder.setdefault(posixpath.dirname(image.path), []).append(index)
    found = list(listed)
    missing: list[int] = []
    respelt = unlisted = 0
    for folder, members in by_folder.items():
        spelt, names = _contents(root, folder, any_case)
        spellings = _Spellings(names, any_case)
        taken: dict[str, int] = {}
        for index in members:
            name = posixpath.basename(listed[index].path)
            actual = spellings.of(name)
            if actual is None:
                missing.append(index)
                continue
            earlier = taken.setdefault(actual, index)
            if earlier != index:
                raise _listed_twice(listed, place, earlier, index)
            if actual != name or spelt != folder:
                found[index] = replace(listed[index], path=posixpath.join(spelt, actual))
                respelt += 1
        unlisted += sum(1 for name in names if name not in taken and is_image(name))
    if missing:
        raise _not_there(listed, place, root, missing)
    if respelt:
        LOG.info("%s: %d listed names differ from the disk in capitals only", root, respelt)
    if unlisted:
        LOG.info("%s: %d images on disk are in no list and are left out", root, unlisted)
    return found


class _Spellings:
    """The names in one folder, by their exact spelling or by any mixture of capitals."""

    def __init__(self, names: set[str], any_case: bool) -> None:
        self._names = names
        self._folded: dict[str, list[str]] | None = None if any_case else {}

    def of(self, name: str) -> str | None:
        if name in self._names:
            return name
        if self._folded is None:
            self._folded = {}
            for actual in self._names:
                self._folded.setdefault(actual.casefold(), []).append(actual)
        alike = self._folded.get(name.casefold(), [])
        return alike[0] if len(alike) == 1 else None


def _contents(root: Path, folder: str, any_case: bool) -> tuple[str, set[str]]:
    """A folder's name as the disk spells it, and the names in it; none where there is no folder."""
    try:
        with os.scandir(root / folder) as entries:
            return folder, {entry.name for entry in entries}
    except OSError:
        if not any_case or folder in {"", "/"}:
            return folder, set()
    above, names = _contents(root, posixpath.dirname(folder), any_case)
    name = posixpath.basename(folder)
    actual = _Spellings(names, any_case).of(name)
    if actual is None or posixpath.join(above, actual) == folder:
        return folder, set()
    return _contents(root, posixpath.join(above, actual), False)


def _listed_twice(
    listed: Sequence[ListedImage], place: Place, earlier: int, index: int
) -> UserError:
    (file, row), (file_before, row_before) = place(index), place(earlier)
    where = "" if file == file_before else f"{file_before}, "
    splits = listed[earlier].split, listed[index].split
    both = "" if splits[0] == splits[1] else f"; it is both {splits[0]} and {splits[1]}"
    return UserError(
        f"{file}, row {row}: {listed[index].path!r} stands in {where}row {row_before} already"
        f"{both}. Each image belongs to one row, one class and one split: remove one of the two."
    )


def _not_there(
    listed: Sequence[ListedImage], place: Place, root: Path, missing: list[int]
) -> UserError:
    first = min(missing)
    file, row = place(first)
    return UserError(
        f"{file}, row {row}: there is no image {root / listed[first].path} ({len(missing)} of "
        f"{len(listed)} listed images are missing). Extract the archive again and completely, or "
        "correct the list."
    )
