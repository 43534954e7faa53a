"""What a reader returns, and how the paths in lists are written here."""

import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sjft.data.folders import Walk
from sjft.errors import UserError

SPLITS = ("train", "val", "test")
# A path that is not written as it is here: see `path_in`.
_OTHERWISE_WRITTEN = re.compile(r"\\|\0|//|^/|/$|(?:^|/)\.{1,2}(?:/|$)")


@dataclass(frozen=True, slots=True)
class ListedImage:
    """One image: its path relative to the data set's root, class, split and known style."""

    path: str
    class_name: str
    split: str
    style: str = ""


class Reader(Protocol):
    """Lists the images of a data set below ``root``; what it leaves out goes into the walk's."""

    def __call__(self, settings: Any, root: Path, walk: Walk | None = None, /) -> list[ListedImage]:
        """Read the folders or the lists. Raises `UserError` where no sense can be made of them."""


def folder_in(root: Path, name: str, contents: str) -> Path:
    """A folder that must be there; ``contents`` says what is expected in it."""
    folder = root / name
    if not folder.is_dir():
        raise UserError(
            f"{folder}: there is no such folder; expected there: {contents}. Extract the "
            "publisher's archive into the data set's `root`, or set `root` to where it lies."
        )
    return folder


def path_in(folder: Path, path: str, where: str) -> str:
    """A listed path as it is written here: relative to ``folder``, one `/` between two names.

    `./`, doubled slashes and `..` are resolved, an absolute path below the folder is made relative,
    also where links lead there, and a backslash stands for a slash unless there is a file of such a
    name. Raises `UserError` that begins with ``where`` for a path that lies outside the folder.
    """
    if not _OTHERWISE_WRITTEN.search(path):
        return path
    if "\0" in path:
        raise UserError(f"{where}: {path!r} holds a NUL, which no name can. Correct the list.")
    written = path
    if "\\" in path and not os.path.lexists(folder / path):
        written = path.replace("\\", "/")
    if posixpath.isabs(written):
        written = _relative(folder, written)
    normal = posixpath.normpath(written)
    if normal.startswith("../"):  # and perhaps back again
        normal = _relative(folder, posixpath.join(os.path.abspath(folder), normal))  # noqa: PTH100
    if posixpath.isabs(normal) or normal in {".", ".."} or normal.startswith("../"):
        raise UserError(
            f"{where}: {path!r} does not lie below {folder}. Put the image there, or set the "
            "data set's `root` to a folder above both; listed paths are relative to it."
        )
    if ".." in written.split("/") and not _are_one(folder / written, folder / normal):
        raise UserError(
            f"{where}: in {path!r}, `..` follows a link, so that it is not clear which image is "
            f"meant. Write the path from {folder} without `..`."
        )
    return normal


def _relative(folder: Path, path: str) -> str:
    """An absolute path relative to a folder, by its text or by where links lead; or as it is."""
    top, path = os.path.abspath(folder), "/" + posixpath.normpath(path).lstrip("/")  # noqa: PTH100
    if path.startswith(f"{top}/"):
        return path[len(top) + 1 :]
    above, name = posixpath.split(path)
    real, top = posixpath.join(os.path.realpath(above), name), os.path.realpath(top)
    return real[len(top) + 1 :] if real.startswith(f"{top}/") else path


def _are_one(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same place; it need not be there."""
    return os.path.realpath(one) == os.path.realpath(other)
