"""Arms: the method, and what it is compared with. They differ in their source images alone.

| arm | source images of a round | beside a target image stands |
| --- | --- | --- |
| selective | the union of all K_i nearest neighbours | one of its own K_i neighbours |
| random-source | as many as `selective` has in this round, drawn at random | any of them |
| all-source | all | any of them |
| fine-tune | none | nothing |

All arms run the same rounds of the same number of updates with the same target images. A further
arm of the paper's table (from scratch, another bank, no iteration) is another experiment entry, or
an entry in `select` and `source_choice` here.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from sjft.neighbours import Neighbours
from sjft.pairing import AnySource, NoSource, SourceChoice, own_neighbours
from sjft.settings.experiment import SelectionSettings
from sjft.subset import (
    Manifest,
    grown_counts,
    initial_counts,
    select_all,
    select_at_random,
    select_neighbours,
)


@dataclass(frozen=True)
class RoundInputs:
    """What the selection of a round can be made from; None where the arm does not use it."""

    targets: pl.DataFrame
    sources: pl.DataFrame
    neighbours: Neighbours | None
    last_targets: pl.DataFrame | None
    last_difficulty: pl.DataFrame | None
    selective: pl.DataFrame | None


def select(arm: str, inputs: RoundInputs, settings: SelectionSettings, seed: int) -> Manifest:
    """The manifest of an arm's round; raises `UserError` where no source image can be chosen."""
    if arm == "fine-tune":
        return select_all(inputs.targets, inputs.sources[:0])
    if arm == "all-source":
        return select_all(inputs.targets, inputs.sources)
    if arm == "random-source":
        assert inputs.selective is not None
        return select_at_random(inputs.targets, inputs.sources, len(inputs.selective), seed)
    assert arm == "selective" and inputs.neighbours is not None
    return _select_by_neighbours(inputs, inputs.neighbours, settings)


def _select_by_neighbours(
    inputs: RoundInputs, neighbours: Neighbours, settings: SelectionSettings
) -> Manifest:
    on_file = neighbours.sources.shape[1]
    counts = initial_counts(len(neighbours.targets), settings, on_file)
    if inputs.last_targets is not None and inputs.last_difficulty is not None:
        counts = grown_counts(
            inputs.last_targets["neighbours"].to_numpy().astype(np.int64),
            inputs.last_difficulty["correct"].to_numpy(),
            inputs.last_difficulty["entropy"].to_numpy(),
            settings,
            on_file,
        )
    return select_neighbours(inputs.targets, inputs.sources, neighbours, counts, settings)


def source_choice(arm: str, manifest: Manifest, neighbours: Neighbours | None) -> SourceChoice:
    """What may stand beside a target image in this arm."""
    if arm == "fine-tune":
        return NoSource()
    if arm == "selective":
        assert neighbours is not None
        return own_neighbours(manifest, neighbours)
    return AnySource(len(manifest.subset))
