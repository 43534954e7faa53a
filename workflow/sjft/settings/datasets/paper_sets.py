"""The paper's targets that come with lists of their publishers."""

from typing import Literal

from pydantic import Field

from sjft.settings.datasets.common import AnyOnDisk
from sjft.settings.splits import Split

# What the publishers call their files.
INDOOR_LISTS: dict[Split, str] = {"train": "TrainImages.txt", "test": "TestImages.txt"}
DOGS_LISTS: dict[Split, str] = {"train": "train_list.mat", "test": "test_list.mat"}
FLOWERS_LABELS, FLOWERS_SPLITS = "imagelabels.mat", "setid.mat"


class Indoor67(AnyOnDisk):
    """MIT Indoor Scenes as published: Images/, TrainImages.txt, TestImages.txt."""

    reader: Literal["indoor67"] = Field(description="Which reader this entry is for.")

    @property
    def listing_files(self) -> tuple[str, ...]:
        """Both lists."""
        return tuple(INDOOR_LISTS.values())

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The class folders'."""
        return ("Images",)


class Flowers102(AnyOnDisk):
    """Oxford Flowers 102 as published: jpg/, imagelabels.mat, setid.mat."""

    reader: Literal["flowers102"] = Field(description="Which reader this entry is for.")
    train: Literal["trn", "trn+val"] = Field(
        "trn",
        description="Sets of setid.mat to train on. With `trn`, the other one is the split `val`.",
    )
    names: str | None = Field(
        None,
        description="File of class names, absolute or relative to `root`: one a row in the order "
        'of the labels, or a JSON object of label and name. Null: "001" to "102".',
    )

    @property
    def split_of_validation(self) -> Split:
        """The split of the publisher's validation set."""
        return "train" if self.train == "trn+val" else "val"

    @property
    def listing_files(self) -> tuple[str, ...]:
        """Labels, splits, and names where they are configured."""
        return tuple(filter(None, (FLOWERS_LABELS, FLOWERS_SPLITS, self.names)))

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The images'."""
        return ("jpg",)


class Dogs120(AnyOnDisk):
    """Stanford Dogs as published: Images/, train_list.mat, test_list.mat."""

    reader: Literal["dogs120"] = Field(description="Which reader this entry is for.")

    @property
    def listing_files(self) -> tuple[str, ...]:
        """Both lists."""
        return tuple(DOGS_LISTS.values())

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The breeds'."""
        return ("Images",)
