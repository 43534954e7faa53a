"""Listing: from what a reader finds to labels, splits and shards."""

import logging
import math
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from sjft.data.disk import FileFacts, facts_of_files, same_files
from sjft.data.folders import Walk
from sjft.data.omissions import Omissions, shown
from sjft.data.readers import READERS, SPLITS, ListedImage
from sjft.data.readers.listed import path_in
from sjft.data.table import IMAGES_SCHEMA
from sjft.errors import UserError
from sjft.settings.dataset import DatasetSettings, Synthetic
from sjft.storage.files import stable_integer
from sjft.wording import counted

LOG = logging.getLogger(__name__)
MB = 10**6


class ListedOnce:
    """Lists of data sets and what they leave out, each made once: for commands that ask again.

    A huge source takes a while to list, and what is warned of is to be said once.
    """

    def __init__(self) -> None:
        """Nothing is listed yet."""
        self._found: dict[tuple[str, Path], tuple[pl.DataFrame, Omissions]] = {}

    def of(self, settings: DatasetSettings, root: Path) -> tuple[pl.DataFrame, Omissions]:
        """As `list_images` lists it; raises `UserError` likewise."""
        key = settings.model_dump_json(), root
        if key not in self._found:
            omissions = Omissions()
            self._found[key] = list_images(settings, root, omissions=omissions), omissions
        return self._found[key]


def list_images(
    settings: DatasetSettings,
    root: Path,
    facts_of: Callable[[Path, list[str]], FileFacts] = facts_of_files,
    omissions: Omissions | None = None,
) -> pl.DataFrame:
    """List a data set as a table with the columns of `IMAGES_SCHEMA`.

    ``image`` numbers the rows from 0: training images first, then the splits val and test, each
    sorted by path, so that an image that is held out moves the number of no training image.
    ``label`` numbers the sorted class names. An image's shard is a hash of its path, so that each
    shard is a random sample of the data set and added images move no others. ``facts_of`` gives
    size and time of the files. What is left out is counted and named in ``omissions``, or in the
    log where none are given. Raises `UserError` for input that no reader can make sense of.
    """
    found = Omissions() if omissions is None else omissions
    listed, facts = _read(settings, root, facts_of, found)
    labels = {name: label for label, name in enumerate(sorted({i.class_name for i in listed}))}
    paths = [i.path for i in listed]
    table = pl.DataFrame(
        {
            "image": range(len(listed)),
            "path": paths,
            "label": [labels[i.class_name] for i in listed],
            "class_name": [i.class_name for i in listed],
            "split": [i.split for i in listed],
            "style": [i.style for i in listed],
            "shard": [stable_integer("shard", path) % settings.shards for path in paths],
            "bytes": facts.bytes,
            "modified": facts.modified,
            "digest": [""] * len(listed),
        },
        schema=IMAGES_SCHEMA,
    )
    if omissions is None:
        found.log(LOG, root)
    _report(table, settings.shards)
    _report_files(root, paths, facts)
    return table


def _read(
    settings: DatasetSettings,
    root: Path,
    facts_of: Callable[[Path, list[str]], FileFacts],
    omissions: Omissions,
) -> tuple[list[ListedImage], FileFacts]:
    """The images, checked, drawn and in their order, with the facts of their files.

    Files are asked for their size once, after the reader: where one is too large, which is rare,
    the data set is read again without it, so that it counts in no draw.
    """
    largest = math.inf if isinstance(settings, Synthetic) else settings.largest_file
    without: frozenset[str] = frozenset()
    while True:
        omissions.clear()
        walk = Walk(root, omissions, without, largest)
        found = READERS[settings.reader](settings, root, walk)
        by_path = sorted((_as_written(i, root) for i in found), key=lambda image: image.path)
        _check(by_path, root)
        listed = sorted(_drawn(by_path, settings), key=lambda image: SPLITS.index(image.split))
        del by_path
        facts = facts_of(root, [image.path for image in listed])
        too_large = {listed[row].path for row in np.flatnonzero(facts.bytes > largest * MB)}
        if not too_large:
            return listed, facts
        if kept := sorted(too_large & without):  # it would be listed for ever
            raise UserError(
                f"{root}: {kept[0]!r} is larger than {largest:g} MB (`largest_file`), and is "
                "listed all the same. Take it off the list, or raise the key."
            )
        without = without.union(too_large)


def _as_written(image: ListedImage, root: Path) -> ListedImage:
    """An image as it is written here, however its reader writes it: one image is listed once.

    A class has one label, whatever system its name was written on: Unicode's form NFC. Raises
    `UserError` for a path that lies outside ``root``, another split, and a class that is no text.
    """
    if image.split not in SPLITS:
        raise UserError(
            f"{root}: {image.path!r} is listed in the split {image.split!r}. Allowed are "
            f"{', '.join(SPLITS)}."
        )
    if not isinstance(image.class_name, str) or not image.class_name:
        raise UserError(
            f"{root}: {image.path!r} is listed in the class {image.class_name!r}. A class is a "
            "text that is not empty."
        )
    path, name = path_in(root, image.path, str(root)), image.class_name
    if path == image.path and name.isascii():
        return image
    return replace(image, path=path, class_name=unicodedata.normalize("NFC", name))


def _drawn(listed: list[ListedImage], settings: DatasetSettings) -> list[ListedImage]:
    """Draw `train_per_class` training images of each class by a seeded hash of their paths.

    Classes that have fewer keep all of theirs.
    """
    if isinstance(settings, Synthetic) or settings.train_per_class is None:
        return listed
    by_class: dict[str, list[str]] = {}
    for image in listed:
        if image.split == "train":
            by_class.setdefault(image.class_name, []).append(image.path)
    number, drawn = settings.train_per_class, set()
    for paths in by_class.values():
        paths.sort(key=lambda path: (stable_integer("draw", settings.train_seed, path), path))
        drawn.update(paths[:number])
    if short := [name for name, paths in by_class.items() if len(paths) < number]:
        LOG.warning(
            "%s fewer than %s%s",
            counted(len(short), "class has", "classes have"),
            *(counted(number, "training image"), _first(len(short), repr(short[0]))),
        )
    return [image for image in listed if image.split != "train" or image.path in drawn]


def _check(listed: list[ListedImage], root: Path) -> None:
    if not listed:
        raise UserError(f"{root}: no image is listed. Look at the data set's entry and its files.")
    for image in listed:
        try:
            image.path.encode("utf-8")
        except UnicodeEncodeError:
            raise UserError(
                f"{root}: the name {image.path!r} is not valid UTF-8. Rename the file."
            ) from None
        if "\n" in image.path or "\r" in image.path:
            raise UserError(f"{root}: the name {image.path!r} holds a line break. Rename the file.")
        if "\n" in image.class_name or "\r" in image.class_name:
            raise UserError(
                f"{root}: the class {image.class_name!r} of {image.path!r} holds a line break. "
                "Rename the class."
            )
    for image, after in pairwise(listed):
        if image.path == after.path:
            raise UserError(
                f"{root}: {image.path!r} is listed {_twice(image, after)}. Each image belongs to "
                "one split and one class."
            )
    train = Counter(image.class_name for image in listed if image.split == "train")
    only_elsewhere = sorted({i.class_name for i in listed} - set(train))
    if only_elsewhere:
        raise UserError(
            f"{root}: class {only_elsewhere[0]!r} has no training image ({len(only_elsewhere)} "
            "such classes). Every class needs at least one image in the split `train`."
        )
    if len(train) < 2:
        raise UserError(f"{root}: there is one class only ({next(iter(train))!r}); two are needed.")


def _twice(image: ListedImage, after: ListedImage) -> str:
    if image.split != after.split:
        return f"as {image.split} and as {after.split}"
    if image.class_name != after.class_name:
        return f"in the classes {image.class_name!r} and {after.class_name!r}"
    return "twice"


def _report(table: pl.DataFrame, shards: int) -> None:
    for split, images, classes in (
        table.group_by("split").agg(pl.len(), pl.col("label").n_unique()).sort("split").iter_rows()
    ):
        of_split = counted(images, "image"), counted(classes, "class", "classes")
        LOG.info("%s: %s, %s", split, *of_split)
    train = table.filter(pl.col("split") == "train")
    single = train.group_by("class_name").len().filter(pl.col("len") == 1).sort("class_name")
    if len(single):
        LOG.warning(
            "%s a single training image%s",
            counted(len(single), "class has", "classes have"),
            _first(len(single), repr(single["class_name"][0])),
        )
    filled = train["shard"].n_unique()
    if filled < shards:
        raise UserError(
            f"{shards} shards are too many for {len(train)} training images: {shards - filled} "
            f"would be empty. Set the data set's `shards` to {max(1, len(train) // 100)} or so."
        )


def _report_files(root: Path, paths: list[str], facts: FileFacts) -> None:
    empty = np.flatnonzero(facts.bytes == 0)
    if len(empty):
        LOG.warning(
            "%s empty%s; `on_bad_image` says what becomes of such",
            counted(len(empty), "file is", "files are"),
            _first(len(empty), shown(paths[empty[0]])),
        )
    same = same_files(root, paths, facts)
    if same:
        LOG.warning(
            "%s in the list under several names, by links%s",
            counted(len(same), "file stands", "files stand"),
            _first(len(same), " = ".join(map(shown, same[0]))),
        )


def _first(number: int, name: str) -> str:
    """The first of so many by its name, behind what is said of all."""
    return f": {name}" if number == 1 else f", among them {name}"
