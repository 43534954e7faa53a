"""The ablation: which arms are compared, with which seeds."""

from typing import Annotated

from pydantic import Field

from sjft.settings.arm import ArmName
from sjft.settings.base import Seed, Settings

Member = Annotated[str, Field(pattern=r"^([A-Za-z0-9][A-Za-z0-9_]*/)?[A-Za-z0-9][A-Za-z0-9_-]*$")]


class AblationSettings(Settings):
    """The rows of `results/EXPERIMENT/ablation.csv`."""

    arms: tuple[ArmName, ...] | None = Field(
        None,
        min_length=1,
        description="Arms to run. Null: all that the experiment can run, without those from "
        "scratch where its weights are random already, without `gabor` where that has no "
        "`retrieval`, and without `no-iteration` where there is one round.",
    )
    seeds: tuple[Seed, ...] = Field(
        (0, 1, 2), min_length=1, description="Seeds that each arm is run with."
    )
    fusion: tuple[Member, ...] | None = Field(
        None,
        description="Whose class probabilities are averaged, seed by seed, in the row `fusion`: "
        "arms, or those of other experiments with the same target, as `EXPERIMENT/ARM`. Null: "
        "`selective` and `gabor`, where both are run; an empty list: none.",
    )
