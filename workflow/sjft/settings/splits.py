"""How a data set that comes without splits is split, and the names of the splits."""

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from sjft.settings.base import Seed, Settings

Split = Literal["train", "val", "test"]
# What a published arm is chosen by: never the split that its accuracy is reported on.
VALIDATION_SPLIT: Literal["val"] = "val"


class RandomSplit(Settings):
    """Draws the splits from one folder of classes, with a seed, class by class."""

    train: float = Field(
        0.7,
        gt=0,
        description="Share of each class (below 1), or images of each class (a whole number from 2 "
        "on). 1 is refused, since it may be meant as either.",
    )
    val: float = Field(
        0.0,
        ge=0,
        description="Likewise, for validation; 1 is one image where `train` is a number of images.",
    )
    seed: Seed = Field(0, description="Seed of the draw. What is left over is the test split.")

    @field_validator("train", "val")
    @classmethod
    def _share_or_whole_number(cls, value: float) -> float:
        if value > 1 and value != int(value):
            raise ValueError(
                f"{value:g} is neither a share below 1 nor a whole number of images of each class"
            )
        return value

    @model_validator(mode="after")
    def _one_meaning(self) -> Self:
        if self.train == 1:
            raise ValueError(
                "`train: 1` may mean all images of a class, or one. For all, leave out "
                "`random_split` and give `splits` with `train` alone (`image_folder`: `splits: "
                "{train: .}`). For one, give a share, say `train: 0.5`, and `train_per_class: 1` "
                "beside `random_split`. Else give a share below 1, or a number from 2 on"
            )
        if self.val == 1 and self.train < 1:
            raise ValueError(
                "`val: 1` may mean all images of a class, or one. Give a share below 1, "
                "a number from 2 on, or `val: 1` beside a `train` that is a number of images, too"
            )
        if self.train < 1 and self.val < 1 and round(self.train + self.val, 9) > 1:
            raise ValueError(
                f"`train: {self.train:g}` and `val: {self.val:g}` are together more than the whole "
                "of a class. Lower one of them; what is left over is the test split"
            )
        return self


def check_ways_to_split(
    splits: Mapping[Split, object] | None, random_split: RandomSplit | None, train: str
) -> None:
    """Raise `ValueError` unless a data set is split in one way, with a training split."""
    if (splits is None) == (random_split is None):
        raise ValueError("give either `splits` or `random_split`")
    if splits is not None and "train" not in splits:
        raise ValueError(f"`splits` must name {train}")
