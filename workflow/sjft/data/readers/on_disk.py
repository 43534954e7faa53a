"""How a list is checked against the disk: each image there, each once, spelt as the disk does."""

import errno
import logging
import os
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sjft.data.folders import Walk, cannot_be_read, leads_nowhere
from sjft.data.names import FOREIGN_SUFFIXES, SYSTEM_FOLDERS, is_image, suffix_of
from sjft.data.omissions import Reason, shown
from sjft.data.readers.listed import ListedImage
from sjft.errors import UserError

LOG = logging.getLogger(__name__)
PUBLISHED = "Extract the archive again and completely, or correct the list."
# What the system says of a folder that is not there.
NO_FOLDER = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)

# The file (or what stands for it) and the row that list the image of a given number.
Place = Callable[[int], tuple[object, int]]


@dataclass(frozen=True)
class _ListedFolder:
    """A folder as it is listed, as the disk spells it, and the numbers of its images."""

    name: str
    spelt: str
    images: list[int]


def as_on_disk(
    listed: Sequence[ListedImage],
    root: Path,
    place: Place,
    walk: Walk | None = None,
    *,
    advice: str = PUBLISHED,
) -> list[ListedImage]:
    """Check that each listed image is there and is listed once; spell its path as the disk does.

    Folders are read, each once, and no file is asked for by itself. A name that differs from a
    single file's in capitals or in its Unicode form only stands for that file. Raises `UserError`
    that names the list and the row for an image that is not there, is no file, or is listed twice,
    also through a link to its folder; ``advice`` says what to do about one that is not there.
    Images beside the listed ones are left out, and so are folders beside listed ones: of several
    class folders in one folder, none is lost without a word.
    """
    check = _Check(listed, root, place, walk or Walk(root))
    looked_into: set[str] = set()
    for same_folder in _by_folder(listed, root):
        check.look_into(same_folder)
        looked_into.update(folder.spelt for folder in same_folder)
    for folder in _beside(looked_into, root):
        check.leave_out(folder)
    return check.result(advice)


class _Check:
    """The check of one list, folder by folder."""

    def __init__(self, listed: Sequence[ListedImage], root: Path, place: Place, walk: Walk) -> None:
        self._listed, self._root, self._place, self._walk = listed, root, place, walk
        self._found = list(listed)
        self._missing: list[int] = []
        self._unfit: dict[int, str] = {}
        self._respelt = {"capitals": 0, "their Unicode form": 0}

    def look_into(self, same_folder: list[_ListedFolder]) -> None:
        """Look for the images of one folder on disk, which may be listed by several names."""
        taken: dict[str, int] = {}
        contents = _contents(self._root, same_folder[0].spelt)
        for folder in same_folder:
            for index in folder.images:
                name = posixpath.basename(self._listed[index].path)
                actual = contents.spelt(name)
                if actual is None:
                    self._missing.append(index)
                    continue
                if (earlier := taken.setdefault(actual, index)) != index:
                    raise self._listed_twice(earlier, index)
                if actual != name or folder.spelt != folder.name:
                    self._respell(index, posixpath.join(folder.spelt, actual))
                if actual in contents.unfit:
                    self._unfit[index] = contents.unfit[actual]
                elif self._walk.without and self._found[index].path in self._walk.without:
                    limit = f"{self._walk.largest:g} MB (`largest_file`)"
                    self._unfit[index] = f"is larger than {limit}"
        for name in sorted(contents.names.difference(taken)):
            if is_image(name) or suffix_of(name) in FOREIGN_SUFFIXES:
                reason = Reason.HIDDEN if name[0] == "." else Reason.UNLISTED
                self._walk.omissions.add(reason, posixpath.join(same_folder[0].spelt, name))

    def leave_out(self, folder: str) -> None:
        """Count the images of a folder from which none is listed."""
        for name in _names_in(self._root, folder):
            if is_image(name) and name[0] != ".":
                self._walk.omissions.add(Reason.UNLISTED, posixpath.join(folder, name))

    def _respell(self, index: int, path: str) -> None:
        same_text = _composed(self._listed[index].path) == _composed(path)
        self._respelt["their Unicode form" if same_text else "capitals"] += 1
        self._found[index] = replace(self._listed[index], path=path)

    def result(self, advice: str) -> list[ListedImage]:
        """The images, where all of them could be found."""
        if self._missing:
            where, path = self._where(first := min(self._missing)), self._listed[first].path
            raise UserError(
                f"{where}: there is no image {shown(str(self._root / path))} "
                f"({len(self._missing)} of {len(self._listed)} listed images are missing). {advice}"
            )
        if self._unfit:
            first = min(self._unfit)
            raise UserError(
                f"{self._where(first)}: {self._listed[first].path!r} {self._unfit[first]} "
                f"({len(self._unfit)} of {len(self._listed)} listed images are no files, or too "
                "large). Put an image there, or take the row off the list."
            )
        for what, number in self._respelt.items():
            if number:
                text = "%s: %d listed names differ from the disk in %s only"
                LOG.info(text, self._root, number, what)
        return self._found

    def _listed_twice(self, earlier: int, index: int) -> UserError:
        file_before, row_before = self._place(earlier)
        where = "" if file_before == self._place(index)[0] else f"{file_before}, "
        one, other = self._listed[index], self._listed[earlier]
        spelling = "" if one.path == other.path else f" Row {row_before} calls it {other.path!r}."
        both = "" if one.split == other.split else f"; it is both {other.split} and {one.split}"
        return UserError(
            f"{self._where(index)}: {one.path!r} stands in {where}row {row_before} already"
            f"{both}. Each image belongs to one row, one class and one split: remove one of the "
            f"two.{spelling}"
        )

    def _where(self, index: int) -> str:
        file, row = self._place(index)
        return f"{file}, row {row}"


def _by_folder(listed: Sequence[ListedImage], root: Path) -> Iterator[list[_ListedFolder]]:
    """Yield, for each folder on disk, the listed folders that are it, by any spelling or link."""
    by_name: dict[str, list[int]] = {}
    for index, image in enumerate(listed):
        by_name.setdefault(posixpath.dirname(image.path), []).append(index)
    groups: dict[object, list[_ListedFolder]] = {}
    for name, images in by_name.items():
        spelt = _folder_on_disk(root, name)
        identity: object = spelt
        try:
            state = os.stat(root / spelt)  # noqa: PTH116
        except OSError:
            pass  # then its images are missing
        else:
            identity = (state.st_dev, state.st_ino) if state.st_ino else spelt
        groups.setdefault(identity, []).append(_ListedFolder(name, spelt, images))
    yield from groups.values()


def _folder_on_disk(root: Path, folder: str) -> str:
    """A listed folder as the disk spells it; as it is listed where there is none."""
    if not folder or os.path.isdir(root / folder):  # noqa: PTH112  (any text may be listed)
        return folder
    above, name = posixpath.split(folder)
    above = _folder_on_disk(root, above)
    return posixpath.join(above, _contents(root, above).spelt(name) or name)


def _beside(listed: set[str], root: Path) -> Iterator[str]:
    """Yield the folders that lie in one folder with two listed ones or more, and hold none."""
    above = Counter(posixpath.dirname(name) for name in listed if name)
    on_the_way = set(listed)
    for name in listed:
        while name := posixpath.dirname(name):
            on_the_way.add(name)
    for parent in sorted(parent for parent, folders in above.items() if folders > 1):
        for entry in _names_in(root, parent):
            path = posixpath.join(parent, entry)
            hidden = entry[0] == "." or entry.lower() in SYSTEM_FOLDERS
            if path not in on_the_way and not hidden and os.path.isdir(root / path):  # noqa: PTH112
                yield path


def _names_in(root: Path, folder: str) -> list[str]:
    """The names in a folder that no listed image asks for; none where it may not be read."""
    try:
        return sorted(_contents(root, folder).names)
    except UserError as error:  # such as a disk's `lost+found`
        LOG.warning("looking for images that are in no list: %s", error)
        return []


class _Contents:
    """The names in one folder, and what is wrong with those that are no files."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.unfit: dict[str, str] = {}
        self._folded: dict[str, list[str]] | None = None

    def spelt(self, name: str) -> str | None:
        """The name that is meant: the same one, or the only one that differs in form alone."""
        if name in self.names:
            return name
        if self._folded is None:
            self._folded = {}
            for actual in self.names:
                self._folded.setdefault(_folded(actual), []).append(actual)
        alike = self._folded.get(_folded(name), [])
        if len(alike) > 1:  # one of the same capitals is nearer
            alike = [actual for actual in alike if _composed(actual) == _composed(name)]
        return alike[0] if len(alike) == 1 else None


def _contents(root: Path, folder: str) -> _Contents:
    contents = _Contents()
    try:
        with os.scandir(root / folder) as entries:
            for entry in entries:
                contents.names.add(entry.name)
                # Most names are those of files, which are known without a question to the disk.
                if not entry.is_file(follow_symlinks=False) and (why := _why_unfit(entry)):
                    contents.unfit[entry.name] = why
    except OSError as error:
        if error.errno not in NO_FOLDER:
            raise cannot_be_read(error) from None
    return contents


def _why_unfit(entry: os.DirEntry[str]) -> str | None:
    if leads_nowhere(entry):
        return "is a link that leads nowhere"
    if entry.is_dir():
        return "is a folder"
    return None if entry.is_file() else "is a pipe, a socket or a device"


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _folded(name: str) -> str:
    return _composed(_composed(name).casefold())
