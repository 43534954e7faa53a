"""The one walk over folders of images: for readers, for the look at changes, for `sjft predict`.

The rules:

- Names that start with a dot are hidden, and left out with all below them; so are the names that
  systems leave behind (`@eaDir`, `__MACOSX`, `Thumbs.db`; see `sjft.data.names`). The folder
  that the walk starts from may have any name.
- Links are followed, to folders as to files. A folder is visited once, whatever paths lead to it:
  a link back to a folder that it lies in, or to one visited already, is left out.
- An image is a regular file whose ending, in capitals or not, is in `SUFFIXES`. Pipes, sockets and
  devices are none, whatever their names; a folder is a folder, whatever its name.
- Whatever is left out is counted and named in `Omissions`.
- Folders come before their subfolders, names sorted: the same order on every machine.
"""

import errno
import os
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from sjft.data.names import (
    FOREIGN_SUFFIXES,
    SUFFIXES,
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    suffix_of,
)
from sjft.data.omissions import Omissions, Reason, shown
from sjft.errors import UserError

# Who a folder above the start belongs to.
_ABOVE = "\0above"


@dataclass(frozen=True, slots=True)
class Folder:
    """A visited folder: where it is, and what is in it besides what its name leaves out.

    ``prefix`` is its path relative to the start, empty or with a slash at the end; ``folders`` are
    sorted by name, ``files`` (all that is no folder, broken links too) as the disk has them.
    """

    path: str
    prefix: str
    files: list[os.DirEntry[str]]
    folders: list[os.DirEntry[str]]


def images_below(folder: str | Path) -> tuple[list[str], Omissions]:
    """All images below a folder, relative to it with `/` between names, and what was left out.

    Raises `UserError` for a folder that is not there or cannot be read.
    """
    walk = Walk(folder)
    return list(walk.images(folder)), walk.omissions


class Walk:
    """One walk below ``top``, which may be made part by part: it remembers what it has visited.

    What it leaves out goes to ``omissions``. The images ``without``, relative to the top, are not
    taken: they are larger than ``largest`` MB.
    """

    def __init__(
        self,
        top: str | Path,
        omissions: Omissions | None = None,
        without: frozenset[str] = frozenset(),
        largest: float = 0,
    ) -> None:
        """Nothing is read yet."""
        self.top = top
        self.omissions = Omissions() if omissions is None else omissions
        self.without = without
        self.largest = largest
        self._reached: dict[tuple[int, int], tuple[str, str]] = {}
        start = Path(os.path.realpath(top))
        for folder in (start, *start.parents):
            self._remember(str(folder), str(folder), _ABOVE)

    def again(self) -> "Walk":
        """The same walk at its beginning, with nothing left out yet."""
        return Walk(self.top, None, self.without, self.largest)

    def images(self, folder: str | Path, prefix: str = "", owner: str = "") -> Iterator[str]:
        """Yield the images below a folder; ``prefix`` and ``owner`` as for `folders`."""
        without = self.without
        for visited in self.folders(folder, prefix, owner):
            names, others = [], []
            for entry in visited.files:
                if suffix_of(entry.name) in SUFFIXES and _is_file(entry):
                    names.append(entry.name)
                else:
                    others.append(entry)
            for entry in sorted(others, key=_name):
                self.leave_out(entry, visited.prefix)
            names.sort()
            for name in names:
                path = visited.prefix + name
                if without and path in without:
                    self.omissions.add(Reason.TOO_LARGE, path, f"{self.largest:g}")
                else:
                    yield path

    def folders(self, folder: str | Path, prefix: str = "", owner: str = "") -> Iterator[Folder]:
        """Yield a folder and those below it, each before its subfolders.

        ``prefix`` is the folder's path relative to the top, empty or with a slash at the end.
        ``owner`` is who its images belong to, a class of a split. Raises `UserError` for a folder
        that cannot be read, and for one that belongs to another owner already: its images would
        have two classes.
        """
        waiting = [(os.fspath(folder), prefix)]
        while waiting:
            visited = self.open(*waiting.pop(), owner)
            yield visited
            waiting += [
                (entry.path, f"{visited.prefix}{entry.name}/")
                for entry in reversed(visited.folders)
            ]

    def open(
        self,
        path: str,
        prefix: str = "",
        owner: str | None = None,
        excluded: Collection[str] = (),
    ) -> Folder:
        """Read one folder; without an ``owner`` it is one of those that hold the classes.

        Each of its subfolders is then its own. ``excluded`` are names in it that the settings leave
        out. Raises `UserError` as `folders` does.
        """
        if owner is None and prefix:
            self._remember(path, prefix.rstrip("/"), _ABOVE)
        files, folders, aside = [], [], []
        left_out = {unicodedata.normalize("NFC", name) for name in excluded}
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if left_out and unicodedata.normalize("NFC", entry.name) in left_out:
                        aside.append((Reason.EXCLUDED, prefix + entry.name))
                    elif entry.name[0] == ".":
                        aside.append((Reason.HIDDEN, prefix + entry.name))
                    elif _is_folder(entry):
                        folders.append(entry)
                    else:
                        files.append(entry)
        except OSError as error:
            raise cannot_be_read(error) from None
        for reason, name in sorted(aside, key=lambda pair: pair[1]):
            self.omissions.add(reason, name)
        # A folder itself comes before the links to it.
        folders.sort(key=lambda entry: (entry.is_symlink(), entry.name))
        kept = [entry for entry in folders if self._is_taken(entry, prefix, owner)]
        kept.sort(key=_name)
        return Folder(path, prefix, files, kept)

    def leave_out(self, entry: os.DirEntry[str], prefix: str) -> None:
        """Count and name an entry, neither image nor folder, of the folder ``prefix``."""
        name, suffix, common = prefix + entry.name, suffix_of(entry.name), ""
        if leads_nowhere(entry):
            reason = Reason.DANGLING
        elif suffix in SUFFIXES:
            reason = Reason.SPECIAL
        elif suffix in FOREIGN_SUFFIXES:
            reason, common = Reason.FOREIGN, suffix
        else:
            is_left_behind = entry.name.lower() in SYSTEM_FILES
            reason = Reason.SYSTEM if is_left_behind else Reason.OTHER
        self.omissions.add(reason, name, common)

    def _is_taken(self, entry: os.DirEntry[str], prefix: str, owner: str | None) -> bool:
        """Remember a folder; False where it is not to be visited, or not again."""
        name = prefix + entry.name
        if entry.name.lower() in SYSTEM_FOLDERS:
            self.omissions.add(Reason.SYSTEM, f"{name}/")
            return False
        belongs_to = name if owner is None else owner
        earlier, owner_before = self._remember(entry.path, name, belongs_to)
        if earlier == name:
            return True
        if owner_before == _ABOVE or name.startswith(f"{earlier}/"):
            self.omissions.add(Reason.LOOP, name)
        elif owner_before == belongs_to:
            self.omissions.add(Reason.AGAIN, name)
        else:
            raise UserError(
                f"{shown(entry.path)}: is the same folder as {shown(earlier)!r}, by a link; its "
                "images would stand in two classes or splits. Remove one of the two."
            )
        return False

    def _remember(self, path: str, name: str, owner: str) -> tuple[str, str]:
        """By which name a folder was reached first, and whose it is then."""
        try:
            state = os.stat(path)  # noqa: PTH116
        except OSError:
            return name, owner  # reading it says why
        if not state.st_ino:  # the file system does not tell its folders apart
            return name, owner
        return self._reached.setdefault((state.st_dev, state.st_ino), (name, owner))


def cannot_be_read(error: OSError) -> UserError:
    """The message for a folder or file that the system does not give."""
    return UserError(
        f"{error.filename}: cannot be read ({error.strerror}). Look at its permissions, and "
        "whether something is moving the images just now; then run again."
    )


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def leads_nowhere(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a link to what is not there, or to itself."""
    return entry.is_symlink() and not os.path.exists(entry.path)  # noqa: PTH110


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise cannot_be_read(error) from None
