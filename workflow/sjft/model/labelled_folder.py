"""Labelled images elsewhere: one folder per class, matched with a model's classes by name."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sjft.data.folders import images_below
from sjft.data.omissions import shown
from sjft.errors import UserError
from sjft.wording import counted

NAMED = 5


@dataclass(frozen=True)
class LabelledFolder:
    """The images below a folder that belong to a model's classes, and what does not.

    ``paths`` [images] are relative to ``folder``, in the walk's order; ``labels`` int64
    [images] are places in the model's classes. ``unknown`` has the number of images of each
    folder that is no class of the model, ``missing`` the classes without an image, ``beside`` the
    images that lie in no class's folder, ``left_out`` a line for each other reason.
    """

    folder: Path
    paths: list[str]
    labels: NDArray[np.int64]
    unknown: dict[str, int]
    missing: list[str]
    beside: list[str]
    left_out: list[str]

    def notes(self) -> list[str]:
        """A line for everything that has no part in the figures, counted and named."""
        lines = [f"left out: {shown(line)}" for line in self.left_out]
        if self.unknown:
            number = sum(self.unknown.values())
            lines.append(
                f"left out: {counted(number, 'image')} in "
                f"{counted(len(self.unknown), 'folder that is', 'folders that are')} no class of "
                f"the model: {_first(list(self.unknown))}"
            )
        if self.beside:
            lines.append(
                f"left out: {counted(len(self.beside), 'image')} beside the classes' folders: "
                f"{_first(self.beside)}"
            )
        if self.missing:
            lines.append(
                f"{counted(len(self.missing), 'class', 'classes')} of the model "
                f"{'has' if len(self.missing) == 1 else 'have'} no image here, and no part in the "
                f"mean: {_first(self.missing)}"
            )
        return lines


def labelled_images(folder: Path, classes: Sequence[str]) -> LabelledFolder:
    """Match the folders in ``folder`` with ``classes``, by name in Unicode's form NFC.

    An image belongs to the uppermost folder that it lies in. Folders are walked as the readers
    walk them. Raises `UserError` where there is no such folder, or no image of any class.
    """
    if not folder.is_dir():
        what = "is no folder" if folder.exists() else "there is no such folder"
        raise UserError(f"{folder}: {what}. Name one that holds a folder per class.")
    found, omissions = images_below(folder)
    place = {unicodedata.normalize("NFC", name): label for label, name in enumerate(classes)}
    paths, labels, beside = [], [], []
    unknown: Counter[str] = Counter()
    for path in found:
        name, slash, _ = path.partition("/")
        label = place.get(unicodedata.normalize("NFC", name))
        if not slash:
            beside.append(path)
        elif label is None:
            unknown[name] += 1
        else:
            paths.append(path)
            labels.append(label)
    if not paths:
        raise UserError(_nothing_known(folder, unknown, classes))
    there = set(labels)
    return LabelledFolder(
        folder,
        paths,
        np.array(labels, np.int64),
        dict(unknown),
        [name for label, name in enumerate(classes) if label not in there],
        beside,
        omissions.lines(),
    )


def _nothing_known(folder: Path, unknown: Counter[str], classes: Sequence[str]) -> str:
    has = f"its folders are {_first(list(unknown))}" if unknown else "it has no folder of images"
    return (
        f"{folder}: holds no image of a class of the model: {has}. Expected is one folder per "
        f"class, named as the model names it: {_first(classes)}. Where these lie one folder "
        "further down, in a split say, name that folder."
    )


def _first(names: Sequence[str]) -> str:
    return ", ".join(map(shown, names[:NAMED])) + ", ..." * (len(names) > NAMED)
