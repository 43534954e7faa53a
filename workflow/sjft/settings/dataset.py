"""Data sets: where the images are and how they are split."""

import posixpath
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from sjft.settings.base import Seed, Settings
from sjft.settings.download import Downloads
from sjft.settings.image_limits import ImageLimits
from sjft.settings.splits import RandomSplit, Split, check_ways_to_split

# What the publishers call their files.
INDOOR_LISTS: dict[Split, str] = {"train": "TrainImages.txt", "test": "TestImages.txt"}
DOGS_LISTS: dict[Split, str] = {"train": "train_list.mat", "test": "test_list.mat"}
FLOWERS_LABELS, FLOWERS_SPLITS = "imagelabels.mat", "setid.mat"
CLUTTER = "257.clutter"


def _below_root(folder: str) -> str:
    """Write a folder's path in the one way that listed paths begin with; refuse one outside."""
    normal = posixpath.normpath(folder or ".")
    if posixpath.isabs(normal) or normal == ".." or normal.startswith("../"):
        raise ValueError(
            f"{folder!r} does not lie below `root`: set `root` to a folder above it, and give the "
            "path from there"
        )
    return normal


FolderBelowRoot = Annotated[str, AfterValidator(_below_root)]


class _DatasetSettings(Settings):
    # Whether the images are made under results/, by a rule of their own.
    generated: ClassVar[bool] = False
    shards: int = Field(
        1, ge=1, le=9999, description="Number of shards, drawn by a hash of each image's path."
    )
    on_bad_image: Literal["fail", "skip"] = Field(
        "fail",
        description="What a truncated or foreign file does: end the job with its name, or be left "
        "out and listed in a `skipped` file.",
    )


class _FilesOnDisk(ImageLimits, _DatasetSettings):
    root: str = Field(description="Folder of the images: absolute, or relative to `data_root`.")
    how_to_get: str = Field(
        "", description="Shown when the folder is missing: where the images come from."
    )
    watch: Literal["images", "folders"] = Field(
        "images",
        description="How changes are noticed when a run starts: by every file's size and time, or, "
        "faster on slow disks, by the folders' times, which miss an image that is overwritten "
        "in place.",
    )
    content_digest: bool = Field(
        False,
        description="Whether images.csv also holds a digest of each file's content, which then "
        "decides instead of the file's time. Every image is read when a run first lists them.",
    )
    downloads: Downloads = Field(
        (), description="Files that `snakemake fetch_NAME` downloads; see their own table."
    )
    train_per_class: int | None = Field(
        None,
        ge=1,
        description="So many training images of each class are drawn and the others left out: for "
        "learning curves, a larger draw holds the smaller one. Null: all. Other splits stay whole.",
    )
    train_seed: Seed = Field(0, description="Seed of the draw of `train_per_class`.")

    @property
    def listing_files(self) -> tuple[str, ...]:
        """Files, absolute or below `root`, that say which images there are."""
        return ()

    @property
    def image_folders(self) -> tuple[str, ...]:
        """Folders below `root` that the publisher's archive always has."""
        return ()


class ImageFolder(_FilesOnDisk):
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


class CsvList(_FilesOnDisk):
    """A table with one row per image."""

    reader: Literal["csv"] = Field(description="Which reader this entry is for.")
    file: str = Field(description="The table: absolute, or relative to `root`.")
    delimiter: str = Field(",", min_length=1, max_length=1, description="Tab for TSV.")
    path_column: str = Field("path", description="Image path relative to `root`.")
    class_column: str = Field("class", description="Class name.")
    split_column: str | None = Field(
        "split", description="train, val or test. Null: every row is `train`."
    )
    style_column: str | None = Field(
        None,
        description="Where it is known which images look alike: the style. It is never used for "
        "selection, only to report how often selection found the target's own.",
    )

    @property
    def listing_files(self) -> tuple[str, ...]:
        """The table."""
        return (self.file,)


class Indoor67(_FilesOnDisk):
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


class Flowers102(_FilesOnDisk):
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


class Dogs120(_FilesOnDisk):
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


class Caltech256(_FilesOnDisk):
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


class ImageNet(_FilesOnDisk):
    """ImageNet's training images as extracted: one folder per wnid."""

    reader: Literal["imagenet"] = Field(description="Which reader this entry is for.")
    images: FolderBelowRoot = Field(
        "train", description="Folder below `root` that holds the wnids' folders."
    )
    names: str | None = Field(
        None,
        description="The devkit's meta.mat, or lines such as `n01440764 tench, Tinca tinca`, "
        "absolute or relative to `root`: a class is then called `n01440764 tench`. Null: by wnid.",
    )

    @property
    def listing_files(self) -> tuple[str, ...]:
        """The names, where they are configured."""
        return () if self.names is None else (self.names,)

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The wnids'."""
        return (self.images,)


class _Places(_FilesOnDisk):
    list_file: str
    images: FolderBelowRoot
    categories: str | None = Field(
        None,
        description="File of the categories by label, absolute or relative to `root`: the list is "
        "checked against it. Null: the classes are named by their folders.",
    )

    @property
    def listing_files(self) -> tuple[str, ...]:
        """The list, and the categories where they are configured."""
        return tuple(filter(None, (self.list_file, self.categories)))

    @property
    def image_folders(self) -> tuple[str, ...]:
        """The images'."""
        return (self.images,)


class Places205(_Places):
    """The training images of Places 205, by its list."""

    reader: Literal["places205"] = Field(description="Which reader this entry is for.")
    list_file: str = Field(
        "trainvalsplit_places205/train_places205.csv",
        description="List of paths and labels: absolute, or relative to `root`.",
    )
    images: FolderBelowRoot = Field(
        "data/vision/torralba/deeplearning/images256",
        description="Folder below `root` that the list's paths start from.",
    )
    classes: ClassVar[int] = 205


class Places365(_Places):
    """The training images of Places 365 (standard or challenge), by its list."""

    reader: Literal["places365"] = Field(description="Which reader this entry is for.")
    list_file: str = Field(
        "filelist_places365-standard/places365_train_standard.txt",
        description="List of paths and labels: absolute, or relative to `root`.",
    )
    images: FolderBelowRoot = Field(
        "data_256", description="Folder below `root` that the list's paths start from."
    )
    classes: ClassVar[int] = 365


Argument = bool | int | float | str


class TorchvisionSet(_FilesOnDisk):
    """Any of torchvision's data sets that has a file for each image; nothing is downloaded."""

    reader: Literal["torchvision"] = Field(description="Which reader this entry is for.")
    dataset: str = Field(description="Class in torchvision.datasets, say `OxfordIIITPet`.")
    arguments: dict[str, Argument] = Field(
        {}, description="Keyword arguments of the class, besides `root`."
    )
    splits: dict[Split, dict[str, Argument]] | None = Field(
        None, description="Further keyword arguments that give each split."
    )
    random_split: RandomSplit | None = Field(
        None, description="Instead of `splits`: for a data set that comes without."
    )

    @model_validator(mode="after")
    def _can_be_made(self) -> Self:
        check_ways_to_split(self.splits, self.random_split, "the arguments of `train`")
        for given in (self.arguments, *(self.splits or {}).values()):
            if taken := {"root", "download"}.intersection(given):
                raise ValueError(
                    f"`{min(taken)}` is no argument to give: the data set's `root` is its folder, "
                    "and nothing is downloaded"
                )
        return self


CameraName = Literal["plain", "low_light", "blur", "strong_jpeg", "halftone", "posterised"]


class Cameras(_FilesOnDisk):
    """Photographs of class folders, each seen through a known camera (see `sjft.data.cameras`).

    The images are made under results/; of the originals, only the folder is looked at.
    """

    generated: ClassVar[bool] = True
    reader: Literal["cameras"] = Field(description="Which reader this entry is for.")
    splits: dict[Split, FolderBelowRoot] | None = Field(
        None,
        description="Folder below `root` that holds each split's class folders; `.` is `root`.",
    )
    random_split: RandomSplit | None = Field(
        None, description="Instead of `splits`: `root` holds the class folders."
    )
    cameras: dict[CameraName, Annotated[float, Field(gt=0)]] = Field(
        min_length=1, description="Share of the photographs that each camera sees, as weights."
    )
    size: int = Field(96, ge=16, le=1024, description="Shorter side of an image, in pixels.")
    quality: int = Field(90, ge=1, le=95, description="JPEG quality.")
    seed: Seed = Field(0, description="Seed of the draw of cameras, and of their noise.")

    @model_validator(mode="after")
    def _one_way_to_split(self) -> Self:
        check_ways_to_split(self.splits, self.random_split, "the folder of `train`")
        return self

    def originals(self) -> ImageFolder:
        """The photographs themselves, as the reader `image_folder` lists them."""
        return ImageFolder(
            reader="image_folder",
            root=self.root,
            splits=self.splits,
            random_split=self.random_split,
            watch=self.watch,
            largest_file=self.largest_file,
        )


class Synthetic(_DatasetSettings):
    """Images made by the program from a seed: the demo's data (see `sjft.data.synthetic`)."""

    generated: ClassVar[bool] = True
    reader: Literal["synthetic"] = Field(description="Which reader this entry is for.")
    contents: tuple[str, ...] = Field(min_length=2, description="Shapes: one class each.")
    styles: tuple[str, ...] = Field(min_length=1, description="Low-level styles, spread evenly.")
    per_class: dict[Split, int] = Field(description="Images of each class, by split.")
    size: int = Field(64, ge=16, le=1024, description="Side of an image, in pixels.")
    quality: int = Field(90, ge=1, le=95, description="JPEG quality.")
    seed: Seed = Field(0, description="Seed of the images.")


FilesOnDisk = (
    ImageFolder
    | CsvList
    | Indoor67
    | Flowers102
    | Dogs120
    | Caltech256
    | ImageNet
    | Places205
    | Places365
    | TorchvisionSet
    | Cameras
)
DatasetSettings = Annotated[FilesOnDisk | Synthetic, Field(discriminator="reader")]
