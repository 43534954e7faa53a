"""Data sets that torchvision reads."""

from typing import Literal, Self

from pydantic import Field, model_validator

from sjft.settings.datasets.common import AnyOnDisk
from sjft.settings.splits import RandomSplit, Split, check_ways_to_split

Argument = bool | int | float | str


class TorchvisionSet(AnyOnDisk):
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
