"""Readers of the paper's targets, laid out as their publishers' archives are."""

import json
import posixpath
from pathlib import Path

from sjft.data.folders import Walk
from sjft.data.readers.listed import ListedImage, folder_in, path_in
from sjft.data.readers.lists import matlab_values, numbered_lines, text_of
from sjft.data.readers.on_disk import as_on_disk
from sjft.errors import UserError
from sjft.settings.datasets.paper_sets import (
    DOGS_LISTS,
    FLOWERS_LABELS,
    FLOWERS_SPLITS,
    INDOOR_LISTS,
    Dogs120,
    Flowers102,
    Indoor67,
)

FLOWERS = 102
BREEDS = 120


def read_indoor67(settings: Indoor67, root: Path, walk: Walk | None = None) -> list[ListedImage]:
    """List MIT Indoor Scenes by TrainImages.txt and TestImages.txt.

    Raises `UserError` that names the list and the row: an image that is in no class folder, is not
    there, or is listed twice.
    """
    folder = folder_in(root, "Images", "<class>/<image>.jpg")
    listed, places = [], []
    for split, name in INDOOR_LISTS.items():
        for number, line in numbered_lines(root / name):
            where = f"{root / name}, row {number}"
            path = path_in(folder, line, where)
            class_name = _class_folder(path, where)
            listed.append(ListedImage(f"Images/{path}", class_name, split))
            places.append((root / name, number))
    return as_on_disk(listed, root, places.__getitem__, walk)


def _class_folder(path: str, where: str) -> str:
    class_name = posixpath.dirname(path)
    if not class_name or "/" in class_name:
        raise UserError(
            f"{where}: {path!r} is in no class; expected <class>/<image>.jpg. Correct the list."
        )
    return class_name


def read_flowers102(
    settings: Flowers102, root: Path, walk: Walk | None = None
) -> list[ListedImage]:
    """List Oxford Flowers 102 by setid.mat and imagelabels.mat.

    Raises `UserError` for numbers and labels out of range, an image in two splits, files that do
    not fit each other, and an image that is not there.
    """
    folder_in(root, "jpg", "image_00001.jpg and so on")
    (labels,) = matlab_values(root / FLOWERS_LABELS, "labels")
    names = _flower_names(settings, root)
    wrong = [i for i, label in enumerate(labels) if not 1 <= int(label) <= len(names)]
    if wrong:
        raise UserError(
            f"{root / FLOWERS_LABELS}: the label {labels[wrong[0]]} of image {wrong[0] + 1} is out "
            f"of range; allowed are 1 to {len(names)} ({len(wrong)} such). Take the publisher's "
            "file, and a names file with a name for each class."
        )
    listed, places = [], []
    parts = ["trnid", "valid", "tstid"]
    numbers = matlab_values(root / FLOWERS_SPLITS, *parts)
    for part, of_part in zip(parts, numbers, strict=True):
        split = {"trnid": "train", "tstid": "test"}.get(part, settings.split_of_validation)
        for row, number in enumerate(map(int, of_part), start=1):
            if not 1 <= number <= len(labels):
                raise _unfit(root, f"`{part}`, row {row}, names image {number}", len(labels))
            class_name = names[int(labels[number - 1]) - 1]
            listed.append(ListedImage(f"jpg/image_{number:05d}.jpg", class_name, split))
            places.append((f"{root / FLOWERS_SPLITS}, `{part}`", row))
    found = as_on_disk(listed, root, places.__getitem__, walk)
    if len(found) != len(labels):
        raise _unfit(root, f"names {len(found)} images", len(labels))
    return found


def _unfit(root: Path, what: str, labels: int) -> UserError:
    return UserError(
        f"{root / FLOWERS_SPLITS}: {what}, but {root / FLOWERS_LABELS} has {labels} labels, one "
        "for each image from 1 on. Take both files from the publisher."
    )


def _flower_names(settings: Flowers102, root: Path) -> list[str]:
    """Class names in the order of the labels 1, 2, ..."""
    if settings.names is None:
        return [f"{label:03d}" for label in range(1, FLOWERS + 1)]
    path = root / settings.names
    lines = [line for _, line in numbered_lines(path)]
    if path.suffix == ".json":
        try:
            by_label = {int(label): str(name) for label, name in json.loads("".join(lines)).items()}
        except (ValueError, AttributeError) as error:
            raise UserError(
                f"{path}: cannot be read ({error}); expected is one JSON object of label and name: "
                '{"1": "pink primrose", ...}.'
            ) from None
        lines = [by_label.get(label, "") for label in range(1, len(by_label) + 1)]
    if len(lines) != FLOWERS or len(set(lines)) != FLOWERS or "" in lines:
        raise UserError(
            f"{path}: has {len(set(lines) - {''})} different names in {len(lines)} rows; expected "
            f"are {FLOWERS}, one a row in the order of the labels (or a JSON object of label and "
            "name). Correct the file, or remove `names` from the data set's entry."
        )
    return lines


def read_dogs120(settings: Dogs120, root: Path, walk: Walk | None = None) -> list[ListedImage]:
    """List Stanford Dogs by train_list.mat and test_list.mat.

    Raises `UserError` that names the list and the row: a label that is out of range or stands for
    two breeds, an image in no breed, listed twice, or not there.
    """
    folder = folder_in(root, "Images", "<wnid-breed>/<image>.jpg")
    listed, places = [], []
    breeds: dict[int, str] = {}
    for split, name in DOGS_LISTS.items():
        paths, labels = matlab_values(root / name, "file_list", "labels")
        if len(paths) != len(labels):
            raise UserError(
                f"{root / name}: `file_list` has {len(paths)} rows and `labels` {len(labels)}; "
                "they must fit. Take the file again from the publisher."
            )
        for row, (cell, label) in enumerate(zip(paths, map(int, labels), strict=True), start=1):
            where = f"{root / name}, row {row}"
            path = path_in(folder, text_of(cell), where)
            breed = _class_folder(path, where)
            if not 1 <= label <= BREEDS:
                raise UserError(
                    f"{where}: the label {label} is out of range; allowed are 1 to {BREEDS}. Take "
                    "the file again from the publisher."
                )
            if breeds.setdefault(label, breed) != breed:
                raise UserError(
                    f"{where}: the label {label} of {breed!r} is that of {breeds[label]!r} "
                    "already. Take the file again from the publisher."
                )
            listed.append(ListedImage(f"Images/{path}", breed, split))
            places.append((root / name, row))
    return as_on_disk(listed, root, places.__getitem__, walk)
