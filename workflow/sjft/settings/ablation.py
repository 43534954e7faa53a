"""The ablation: which arms are compared, with which seeds."""

from typing import Annotated

from pydantic import Field

from sjft.settings.arm import ARMS, ArmName
from sjft.settings.base import Name, Seed, Settings

Member = Annotated[str, Field(pattern=rf"^([A-Za-z0-9][A-Za-z0-9_]*/)?({'|'.join(ARMS)})$")]


class AblationSettings(Settings):
    """The rows of `results/EXPERIMENT/ablation.csv`."""

    arms: tuple[ArmName, ...] | None = Field(
        None,
        min_length=1,
        description="Arms to run. Null: all that the experiment can run, without those from "
        "scratch where its weights are random already, without `gabor` where `gabor_retrieval` is "
        "null, and without `no-iteration` where there is one round.",
    )
    seeds: tuple[Seed, ...] = Field(
        (0, 1, 2), min_length=1, description="Seeds that each arm is run with."
    )
    gabor_retrieval: Name | None = Field(
        None,
        description="Entry of `retrievals` with a bank of `type: gabor`, which the arm `gabor` "
        "searches with.",
    )
    scratch_learning_rate: float | None = Field(
        None,
        gt=0,
        description="Learning rate of the arms from scratch, which usually want a larger one; "
        "null: that of `training`. Their heads are no newer than the rest, so that "
        "`head_learning_rate_factor` is 1, and batch norm is not frozen.",
    )
    fusion: tuple[Member, ...] | None = Field(
        None,
        description="Whose class probabilities are averaged, seed by seed, in the row `fusion`: "
        "arms, or those of other experiments with the same target, as `EXPERIMENT/ARM`. Null: "
        "`selective` and `gabor`, where both are run; an empty list: none.",
    )
