"""Data sets whose images the program makes: from photographs, or from a seed."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from sjft.settings.base import Seed
from sjft.settings.datasets.common import AnyDataset, AnyOnDisk, FolderBelowRoot
from sjft.settings.datasets.folders import ImageFolder
from sjft.settings.splits import RandomSplit, Split, check_ways_to_split

CameraName = Literal["plain", "low_light", "blur", "strong_jpeg", "halftone", "posterised"]


class Cameras(AnyOnDisk):
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


class Synthetic(AnyDataset):
    """Images made by the program from a seed: the demo's data (see `sjft.data.synthetic`)."""

    generated: ClassVar[bool] = True
    reader: Literal["synthetic"] = Field(description="Which reader this entry is for.")
    contents: tuple[str, ...] = Field(min_length=2, description="Shapes: one class each.")
    styles: tuple[str, ...] = Field(min_length=1, description="Low-level styles, spread evenly.")
    per_class: dict[Split, Annotated[int, Field(ge=0)]] = Field(
        description="Images of each class, by split."
    )
    size: int = Field(64, ge=16, le=1024, description="Side of an image, in pixels.")
    quality: int = Field(90, ge=1, le=95, description="JPEG quality.")
    seed: Seed = Field(0, description="Seed of the images.")
