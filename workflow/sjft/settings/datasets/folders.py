"""Data sets that lie as a folder per class, and what is read of them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sjft.settings.base import Seed
from sjft.settings.datasets.common import AnyOnDisk, FolderBelowRoot
from sjft.settings.splits import RandomSplit, Split, check_ways_to_split

# As the publisher calls it.
CLUTTER = "257.clutter"


class NamedFolders(AnyOnDisk):
    """Class folders that a file may tell the names of."""

    names: str | None = Field(
        None,
        description="What class folders such as ImageNet's wnids stand for: lines such as "
        "`n01440764 tench, Tinca tinca`, or the devkit's meta.mat, absolute or relative to `root`. "
        "A class is then called `n01440764 tench`. Null: as its folder.",
    )

    @property
    def listing_files(self) -> tuple[str, ...]:
        """The names, where they are configured."""
        return () if self.names is None else (self.names,)


class ImageFolder(NamedFolders):
    """One folder per class, below one folder per split or to be split at random."""

    reader: Literal["image_folder"] = Field(description="Which reader this entry is for.")
    splits: dict[Split, FolderBelowRoot] | None = Field(
        None,
        description="Folder below `root` that holds each split's class folders; `.` is `root`.",
    )
    random_split: RandomSplit | None = Field(
        None, description="Instead of `splits`: `root` holds the class folders."
    )
    exclude_classes: tuple[str, ...] = Field((), description="Class folders to leave out.")

    @model_validator(mode="after")
    def _one_way_to_split(self) -> Self:
        check_ways_to_split(self.splits, self.random_split, "the folder of `train`")
        return self


class Caltech256(AnyOnDisk):
    """Caltech 256 as published, with so many training images a class, drawn with a seed."""

    reader: Literal["caltech256"] = Field(description="Which reader this entry is for.")
    images: FolderBelowRoot = Field(
        "256_ObjectCategories", description="Folder below `root` that holds the class folders."
    )
    per_class: int = Field(
        60, ge=1, description="Training images a class. The rest is the test split."
    )
    val_per_class: int = Field(0, ge=0, description="Validation images a class.")
    seed: Seed = Field(0, description="Seed of the draw.")
    clutter: bool = Field(False, description=f"Whether `{CLUTTER}` is a class.")

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The class folders'."""
        return (self.images,)


class ImageNet(NamedFolders):
    """ImageNet's training images as extracted: one folder per wnid."""

    reader: Literal["imagenet"] = Field(description="Which reader this entry is for.")
    images: FolderBelowRoot = Field(
        "train", description="Folder below `root` that holds the wnids' folders."
    )

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The wnids'."""
        return (self.images,)
