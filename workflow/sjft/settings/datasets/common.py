"""What data sets have in common: shards, bad images, and where files lie."""

import posixpath
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from sjft.settings.base import Seed, Settings
from sjft.settings.download import Downloads
from sjft.settings.image_limits import ImageLimits


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


class AnyDataset(Settings):
    """What all data sets have."""

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


class AnyOnDisk(ImageLimits, AnyDataset):
    """What all data sets have whose images lie below a folder."""

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
