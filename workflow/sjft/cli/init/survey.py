"""What a user's two folders hold: classes, images by split, and how large the images are."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from PIL import Image
from pydantic import TypeAdapter

from sjft.cli.init.layout import Layout
from sjft.data.listing import list_images
from sjft.data.omissions import Omissions
from sjft.data.plain_jpeg import DECODING_ERRORS
from sjft.errors import UserError
from sjft.settings.dataset import DatasetSettings
from sjft.wording import counted

# Headers that are read, at most, to learn how large the images are.
SIZES_READ = 200
# Median images a class from which a tenth of them, for choosing settings, is an image at least.
IMAGES_FOR_VAL = 10
WNID = r"^n\d{8}$"
# In so large a set a bad file is to be expected, and shall not end the run.
LARGE_SET = 100_000


@dataclass(frozen=True)
class Survey:
    """One side: how its data set is configured, and what the reader finds with that.

    ``values`` are the keys of its entry but for `root` and `shards`; ``shorter_side`` is the
    median in pixels, ``paths`` are those whose size was read. ``skips_bad_images`` where bad files
    are there, or to be expected.
    """

    layout: Layout
    values: dict[str, Any]
    by_split: dict[str, int]
    classes: int
    shorter_side: int
    paths: tuple[str, ...]
    notes: tuple[str, ...]
    skips_bad_images: bool

    @property
    def train(self) -> int:
        """Training images."""
        return self.by_split.get("train", 0)

    @property
    def heldout(self) -> int:
        """Images of the splits val and test."""
        return sum(self.by_split.values()) - self.train

    def line(self, role: str) -> str:
        """What was found, for the terminal and the configuration's comments."""
        held = ", ".join(f"{n:,} {split}" for split, n in self.by_split.items() if split != "train")
        return (
            f"{role} {self.layout.folder}: {counted(self.classes, 'class', 'classes')}, "
            f"{counted(self.train, 'training image')}"
            f"{f' ({held})' if held else ''}, shorter side {self.shorter_side} px (median)."
        )


def survey_target(layout: Layout) -> Survey:
    """Take the target's own splits, or draw them; raises `UserError` where nothing is held out."""
    if layout.splits:
        return _survey(layout, {"splits": dict(layout.splits)})
    drawn = _survey(layout, {"random_split": {"train": 0.7}})
    if sum(drawn.by_split.values()) / drawn.classes >= IMAGES_FOR_VAL:
        drawn = _survey(layout, {"random_split": {"train": 0.7, "val": 0.1}})
    if not drawn.heldout:
        raise UserError(
            f"target folder {layout.folder}: {counted(drawn.train, 'image')} of "
            f"{counted(drawn.classes, 'class', 'classes')} are too few: a random split leaves "
            "none to test. Two images a class are needed at least."
        )
    return drawn


def survey_source(layout: Layout) -> Survey:
    """Take what there is to train on: the folder train/, or all class folders."""
    train = layout.splits.get("train", ".")
    others = [f"{name}/" for split, name in layout.splits.items() if split != "train"]
    found = _survey(layout, {"splits": {"train": train}})
    if not others:
        return found
    note = f"of the source, {train}/ alone is used: {', '.join(others)} left out"
    return Survey(**{**vars(found), "notes": (*found.notes, note)})


def _survey(layout: Layout, split: dict[str, Any]) -> Survey:
    values = {"reader": "image_folder", **split}
    if layout.empty:
        values["exclude_classes"] = list(layout.empty)
    settings: DatasetSettings = TypeAdapter(DatasetSettings).validate_python(
        {**values, "root": str(layout.folder)}
    )
    omissions = Omissions()
    table = list_images(settings, layout.folder, omissions=omissions)
    train = table.filter(pl.col("split") == "train")
    single = int(train["label"].value_counts().filter(pl.col("count") == 1).height)
    notes = [*layout.notes, *(f"left out: {line}" for line in omissions.lines())]
    if single:
        notes.append(f"{single} of {layout.folder.name}'s classes have one training image alone")
    if table["class_name"].str.contains(WNID).all():
        notes.append(
            "its classes are called by wnids: the key `names`, a file of lines such as `n01440764 "
            "tench`, gives them words in report and explorer"
        )
    paths = train["path"][:: max(1, len(train) // SIZES_READ)].to_list()[:SIZES_READ]
    sides, unreadable = shorter_sides(layout.folder, paths)
    if unreadable:
        first = f"{unreadable[0]} for one"
        notes.append(f"{len(unreadable)} of {len(paths)} images looked at cannot be read, {first}")
    if not sides:
        raise UserError(
            f"{layout.folder}: none of {len(paths)} images that were looked at can be read as "
            f"an image, {paths[0]} for one. Look at what these files are."
        )
    numbers = {split: (table["split"] == split).sum() for split in ("train", "val", "test")}
    return Survey(
        layout,
        values,
        {split: int(number) for split, number in numbers.items() if number},
        table["label"].n_unique(),
        int(np.median(sides)),
        tuple(path for path in paths if path not in unreadable),
        tuple(notes),
        bool(unreadable) or len(train) >= LARGE_SET,
    )


def shorter_sides(root: Path, paths: Sequence[str]) -> tuple[list[int], list[str]]:
    """The shorter sides in pixels, from the headers alone, and the paths without a header."""
    sides, unreadable = [], []
    for path in paths:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                with Image.open(root / path) as image:
                    sides.append(min(image.size))
        except (*DECODING_ERRORS, Image.DecompressionBombError):
            unreadable.append(path)
    return sides, unreadable
