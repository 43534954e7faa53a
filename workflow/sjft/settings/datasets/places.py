"""Places, by the publishers' lists."""

from typing import ClassVar, Literal

from pydantic import Field

from sjft.settings.datasets.common import AnyOnDisk, FolderBelowRoot


class _Places(AnyOnDisk):
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
