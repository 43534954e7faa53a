"""Readers: from a data set's folder to the list of its images.

A reader is a function of the settings and the folder; a new one is a settings class in
`sjft.settings.dataset` and an entry in `READERS`. Adding one touches no rule.
"""

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft.errors import UserError
from sjft.files import stable_integer
from sjft.images import SUFFIXES
from sjft.settings.dataset import CsvList, ImageFolder, RandomSplit, Synthetic

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class ListedImage:
    """One image: its path relative to the data set's root, class, split and known style."""

    path: str
    class_name: str
    split: str
    style: str = ""


Reader = Callable[[Any, Path], list[ListedImage]]


def read_image_folder(settings: ImageFolder, root: Path) -> list[ListedImage]:
    """List one folder per class, below one folder per split, or split at random by class.

    Raises `UserError` for a missing folder, a folder without classes, an empty class, or a
    picture that lies beside the class folders.
    """
    if settings.random_split is not None:
        listed = _classes_of(root, root, settings.exclude_classes)
        return [
            ListedImage(path, class_name, split)
            for class_name, paths in listed
            for path, split in _split_at_random(paths, settings.random_split)
        ]
    assert settings.splits is not None
    return [
        ListedImage(path, class_name, split)
        for split, folder in settings.splits.items()
        for class_name, paths in _classes_of(root / folder, root, settings.exclude_classes)
        for path in paths
    ]


def _classes_of(
    folder: Path, root: Path, excluded: tuple[str, ...]
) -> Iterator[tuple[str, list[str]]]:
    """Yield (class name, sorted image paths relative to the root) per class folder, sorted."""
    entries = _entries(folder)
    strays = [e.name for e in entries if not e.is_dir() and _is_image(e.name)]
    if strays:
        raise UserError(
            f"{folder}: the picture {strays[0]!r} lies in no class folder ({len(strays)} such). "
            "Move it into the folder of its class, or remove it."
        )
    classes = [e for e in entries if e.is_dir() and e.name not in excluded]
    if not classes:
        raise UserError(
            f"{folder}: there are no class folders. Expected {folder}/<class>/<image>.jpg."
        )
    for entry in classes:
        paths = sorted(_images_below(Path(entry.path), root))
        if not paths:
            raise UserError(
                f"{entry.path}: this class folder holds no image "
                f"({', '.join(sorted(SUFFIXES))}). Fill it, remove it, or list the class under "
                "`exclude_classes`."
            )
        yield entry.name, paths


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted((e for e in entries if e.name[0] != "."), key=lambda e: e.name)
    except FileNotFoundError:
        raise UserError(f"{folder}: there is no such folder.") from None
    except NotADirectoryError:
        raise UserError(f"{folder}: is a file; a folder is expected here.") from None


def _images_below(folder: Path, root: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if name[0] != ".")
        for name in names:
            if _is_image(name) and name[0] != ".":
                yield Path(place, name).relative_to(root).as_posix()


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _split_at_random(paths: list[str], settings: RandomSplit) -> Iterator[tuple[str, str]]:
    """Order one class by a seeded hash of the path, and cut: train, val, the rest test."""
    order = sorted(paths, key=lambda path: (stable_integer("split", settings.seed, path), path))
    train = _size(settings.train, len(paths))
    val = train + _size(settings.val, len(paths))
    splits = {
        path: "train" if place < train else "val" if place < val else "test"
        for place, path in enumerate(order)
    }
    return ((path, splits[path]) for path in paths)


def _size(share_or_number: float, images: int) -> int:
    return round(share_or_number * images if share_or_number < 1 else share_or_number)


def read_csv(settings: CsvList, root: Path) -> list[ListedImage]:
    """List the rows of a table with one image each.

    Raises `UserError` that names the file and the row: a missing column, an empty cell, an
    unknown split, an image listed twice, or one that is not there.
    """
    table = root / settings.file
    columns = {
        "path": settings.path_column,
        "class_name": settings.class_column,
        "split": settings.split_column,
        "style": settings.style_column,
    }
    wanted = {field: column for field, column in columns.items() if column is not None}
    listed = []
    seen: dict[str, int] = {}
    for number, row in _rows(table, settings.delimiter, list(wanted.values())):
        cells = {field: (row[column] or "").strip() for field, column in wanted.items()}
        image = ListedImage(**{"split": "train", **cells})
        _check_row(f"{table}, row {number}", image, root, seen.get(image.path))
        seen[image.path] = number
        listed.append(image)
    if not listed:
        raise UserError(f"{table}: the table has no rows.")
    return listed


def _rows(
    table: Path, delimiter: str, wanted: list[str]
) -> Iterator[tuple[int, dict[str, str | None]]]:
    try:
        # utf-8-sig: spreadsheets like to write a byte-order mark.
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter=delimiter)
            missing = [column for column in wanted if column not in (rows.fieldnames or [])]
            if missing:
                raise UserError(
                    f"{table}: there is no column `{missing[0]}`; the columns are "
                    f"{', '.join(rows.fieldnames or ['(none)'])}. Name the right one in the data "
                    "set's entry (path_column, class_column, split_column, style_column)."
                )
            for row in rows:
                yield rows.line_num, row
    except FileNotFoundError:
        raise UserError(f"{table}: there is no such file.") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{table}: is not UTF-8 ({error}). Convert it.") from None
    except csv.Error as error:
        raise UserError(
            f"{table}: cannot be read as a table ({error}). Look for a quote that is not closed."
        ) from None


def _check_row(where: str, image: ListedImage, root: Path, earlier: int | None) -> None:
    if not image.path or not image.class_name:
        raise UserError(f"{where}: path and class must not be empty.")
    if image.split not in SPLITS:
        raise UserError(f"{where}: split {image.split!r}; allowed are {', '.join(SPLITS)}.")
    if earlier is not None:
        raise UserError(f"{where}: {image.path!r} stands in row {earlier} already.")
    if not (root / image.path).is_file():
        raise UserError(f"{where}: there is no image {root / image.path}.")


def read_synthetic(settings: Synthetic, root: Path) -> list[ListedImage]:
    """List generated pictures by the table that was written with them."""
    table = CsvList(reader="csv", root=str(root), file="images.csv", style_column="style")
    return read_csv(table, root)


READERS: dict[str, Reader] = {
    "image_folder": read_image_folder,
    "csv": read_csv,
    "synthetic": read_synthetic,
}
