"""Data sets: where the images are and how they are split."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sjft.settings.base import Seed, Settings

Split = Literal["train", "val", "test"]


class _DatasetSettings(Settings):
    shards: int = Field(
        1, ge=1, le=9999, description="Number of shards, drawn by a hash of each image's path."
    )
    on_bad_image: Literal["fail", "skip"] = Field(
        "fail",
        description="What a truncated or foreign file does: end the job with its name, or be left "
        "out and listed in a `skipped` file.",
    )


class _FilesOnDisk(_DatasetSettings):
    root: str = Field(description="Folder of the images: absolute, or relative to `data_root`.")
    how_to_get: str = Field(
        "", description="Shown when the folder is missing: where the images come from."
    )


class RandomSplit(Settings):
    """Draws the splits from one folder of classes, with a seed, class by class."""

    train: float = Field(
        0.7, gt=0, description="Share of each class (below 1), or images per class (1 and above)."
    )
    val: float = Field(0.0, ge=0, description="Likewise, for validation.")
    seed: Seed = Field(0, description="Seed of the draw. What is left over is the test split.")


class ImageFolder(_FilesOnDisk):
    """One folder per class, below one folder per split or to be split at random."""

    reader: Literal["image_folder"] = Field(description="Which reader this entry is for.")
    splits: dict[Split, str] | None = Field(
        None,
        description="Folder below `root` that holds each split's class folders; `.` is `root`.",
    )
    random_split: RandomSplit | None = Field(
        None, description="Instead of `splits`: `root` holds the class folders."
    )
    exclude_classes: tuple[str, ...] = Field((), description="Class folders to leave out.")

    @model_validator(mode="after")
    def _one_way_to_split(self) -> Self:
        if (self.splits is None) == (self.random_split is None):
            raise ValueError("give either `splits` or `random_split`")
        if self.splits is not None and "train" not in self.splits:
            raise ValueError("`splits` must name the folder of `train`")
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


class Synthetic(_DatasetSettings):
    """Pictures made by the program from a seed: the demo's data (see `sjft.synthetic`)."""

    reader: Literal["synthetic"] = Field(description="Which reader this entry is for.")
    contents: tuple[str, ...] = Field(min_length=2, description="Shapes: one class each.")
    styles: tuple[str, ...] = Field(min_length=1, description="Low-level styles, spread evenly.")
    per_class: dict[Split, int] = Field(description="Images of each class, by split.")
    size: int = Field(64, ge=16, le=1024, description="Side of a picture, in pixels.")
    quality: int = Field(90, ge=1, le=95, description="JPEG quality.")
    seed: Seed = Field(0, description="Seed of the pictures.")


DatasetSettings = Annotated[ImageFolder | CsvList | Synthetic, Field(discriminator="reader")]
