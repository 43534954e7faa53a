"""Reader of Places 205 and Places 365: their lists of paths and labels."""

import os
import posixpath
from array import array
from pathlib import Path

from sjft.data.folders import Walk
from sjft.data.readers.listed import ListedImage, folder_in, path_in
from sjft.data.readers.lists import numbered_lines, whole_number
from sjft.data.readers.on_disk import as_on_disk
from sjft.errors import UserError
from sjft.settings.datasets.places import Places205, Places365


def read_places(
    settings: Places205 | Places365, root: Path, walk: Walk | None = None
) -> list[ListedImage]:
    """List the training images of a Places list; the class names are those of the categories.

    Raises `UserError` that names the list and the row: a label that is out of range or does not
    fit the image's folder, an image in no class, listed twice, or not there.
    """
    images = folder_in(root, settings.images, "<letter>/<category>/<image>.jpg")
    # Listed paths begin with a slash, but at the folder of the images.
    absolute = os.path.abspath(images).lstrip("/") + "/"  # noqa: PTH100
    file = root / settings.list_file
    categories = {} if settings.categories is None else _categories(root / settings.categories)
    names = {label: _readable(category) for label, category in categories.items()}
    most = len(names) or settings.classes
    listed: list[ListedImage] = []
    numbers = array("L")
    for number, line in numbered_lines(file):
        where = f"{file}, row {number}"
        path, label = _path_and_label(line, where)
        path = path_in(images, path.removeprefix(absolute), where)
        if not 0 <= label < most:
            raise UserError(
                f"{where}: the label {label} is out of range; allowed are 0 to "
                f"{most - 1}. Take list and categories of the same release."
            )
        folder = posixpath.dirname(path)
        name = _readable(folder)
        if not name and label not in names:
            raise UserError(
                f"{where}: {path!r} lies in no class folder. Name the file of the "
                "categories in the data set's entry (`categories`)."
            )
        class_name = names.setdefault(label, name)
        if name and name != class_name:
            raise UserError(
                f"{where}: the label {label} of {path!r} is that of {class_name!r}. "
                "Take list and categories of the same release."
            )
        listed.append(ListedImage(f"{settings.images}/{path}", class_name, "train"))
        numbers.append(number)
    return as_on_disk(listed, root, lambda index: (file, numbers[index]), walk)


def _path_and_label(line: str, where: str) -> tuple[str, int]:
    """Split `/a/abbey/1.jpg 0`; a comma may stand for the space."""
    path, separator, label = line.rpartition(" ")
    if not separator:
        path, _, label = line.rpartition(",")
    number = whole_number(label)
    path = path.strip(" ,/")
    if number is None or not path:
        raise UserError(
            f"{where}: {line!r}; expected a path, a space and a label: `/a/abbey/00000001.jpg 0`. "
            "Correct the list."
        )
    return path, number


def _categories(path: Path) -> dict[int, str]:
    """Category by label, checked: labels from 0 on, each category once."""
    categories: dict[int, str] = {}
    for number, line in numbered_lines(path):
        category, label = _path_and_label(line, f"{path}, row {number}")
        if label in categories:
            raise UserError(f"{path}, row {number}: the label {label} has a category already.")
        categories[label] = category
    readable = {_readable(category) for category in categories.values()}
    if sorted(categories) != list(range(len(categories))) or len(readable) < len(categories):
        raise UserError(
            f"{path}: the labels must be 0 to {len(categories) - 1}, and each category must stand "
            "there once. Take the file again from the publisher."
        )
    return categories


def _readable(category: str) -> str:
    """The category without the folder of its first letter: `abbey` for `a/abbey`."""
    letter, _, name = category.partition("/")
    return name if len(letter) == 1 and name.startswith(letter) else category
