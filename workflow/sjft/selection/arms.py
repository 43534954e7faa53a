"""What a round selects, by where its arm's source images come from."""

from dataclasses import dataclass

import polars as pl

from sjft.retrieval.neighbours import Neighbours
from sjft.selection.subset import (
    Manifest,
    grown_levels,
    initial_levels,
    select_all,
    select_at_random,
    select_neighbours,
)
from sjft.settings.selection import SelectionSettings, Sources


@dataclass(frozen=True)
class RoundInputs:
    """What the selection of a round can be made from; None where the arm does not use it."""

    targets: pl.DataFrame
    sources: pl.DataFrame
    neighbours: Neighbours | None
    last_targets: pl.DataFrame | None
    last_difficulty: pl.DataFrame | None
    as_many_as: pl.DataFrame | None


def select(
    sources: Sources, inputs: RoundInputs, settings: SelectionSettings, seed: int
) -> Manifest:
    """The manifest of a round; raises `UserError` where no source image can be chosen."""
    match sources:
        case "none":
            return select_all(inputs.targets, inputs.sources[:0])
        case "all":
            return select_all(inputs.targets, inputs.sources)
        case "random":
            assert inputs.as_many_as is not None
            return select_at_random(inputs.targets, inputs.sources, len(inputs.as_many_as), seed)
        case "neighbours":
            assert inputs.neighbours is not None
            return _select_by_neighbours(inputs, inputs.neighbours, settings)


def _select_by_neighbours(
    inputs: RoundInputs, neighbours: Neighbours, settings: SelectionSettings
) -> Manifest:
    levels = initial_levels(len(neighbours.targets))
    if inputs.last_targets is not None and inputs.last_difficulty is not None:
        levels = grown_levels(
            inputs.last_targets["sampling_level"].to_numpy(),
            inputs.last_difficulty["correct"].to_numpy(),
            inputs.last_difficulty["entropy"].to_numpy(),
            settings,
        )
    return select_neighbours(inputs.targets, inputs.sources, neighbours, levels, settings)
