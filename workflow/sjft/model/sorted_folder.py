"""A folder of images sorted by what a model takes them for; the originals stay as they are."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from sjft.errors import UserError
from sjft.model.predict import Prediction
from sjft.settings.plain_values import LONGEST_NAME
from sjft.storage.files import writing


@dataclass
class SortedFolder:
    """A new ``folder`` with a folder per predicted class, of copies or, with ``links``, of links.

    Where two images of one name are taken for the same class, the later one's gets a number.
    ``done`` counts the images, ``renamed`` those that got one.
    """

    folder: Path
    links: bool = False
    done: int = 0
    renamed: int = 0
    _taken: set[tuple[str, str]] = field(default_factory=set)
    _last: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, prediction: Prediction) -> None:
        """Put an image into its most probable class's folder; one that is bad goes nowhere.

        Raises `UserError` where nothing can be written.
        """
        if prediction.error:
            return
        part = folder_name(prediction.classes[0][0])
        path = self.folder / part / self._free(part, prediction.path)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if self.links:
                path.symlink_to(prediction.path.absolute())
            else:
                shutil.copy2(prediction.path, path)
        self.done += 1

    def summary(self) -> str:
        """What was done, in a line."""
        what = "links" if self.links else "copies"
        numbered = f", {self.renamed} with a number for want of a free name" * bool(self.renamed)
        return f"{self.done} {what} in {self.folder}{numbered}"

    def _free(self, part: str, path: Path) -> str:
        # Some disks take names that differ in capitals alone for one.
        # What was taken for this very name stays taken: thousands of videos have a frame 1.
        number = self._last.get((part, path.name), 1)
        name = path.name if number == 1 else _numbered(path, number)
        while (part.casefold(), name.casefold()) in self._taken:
            number += 1
            name = _numbered(path, number)
        self._taken.add((part.casefold(), name.casefold()))
        self._last[part, path.name] = number
        self.renamed += number > 1
        return name


def _numbered(path: Path, number: int) -> str:
    """A file's name with a number, cut so that it is no longer than file systems take."""
    stem, end = path.stem, f"-{number}{path.suffix}"
    while stem and len(os.fsencode(stem + end)) > LONGEST_NAME:
        stem = stem[:-1]
    return stem + end


def sorted_folder(folder: Path, *, links: bool) -> SortedFolder:
    """Begin a folder; raises `UserError` where there is something in its place already."""
    if folder.is_symlink() or folder.exists():
        is_empty = folder.is_dir() and not any(folder.iterdir())
        if not is_empty:
            raise UserError(
                f"{folder}: is there already, and nothing in it is overwritten. Name a new folder "
                "for --sort-into."
            )
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return SortedFolder(folder, links)


def folder_name(class_name: str) -> str:
    """A class's name as that of one folder: slashes, and a dot at its start, as in a URL."""
    name = class_name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return f"%2E{name[1:]}" if name.startswith(".") else name
