"""Pairing: which images stand in a batch (paper, section 3.1).

Half of a batch are target images, drawn in shuffled order (`sjft.training.epochs`); beside each
stands one of its own K_i nearest source images, drawn uniformly. A batch is a function of seed and
step alone: it does not depend on what was drawn before, on workers, or on where training was
interrupted.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours
from sjft.selection.subset import Manifest
from sjft.settings.selection import Sources
from sjft.storage.files import stable_integer
from sjft.training.class_balance import ClassBalance
from sjft.training.epochs import Epochs

Rows = NDArray[np.int64]


class SourceChoice(Protocol):
    """Which source images may stand beside a target image."""

    def draw(self, targets: Rows, generator: np.random.Generator) -> Rows:
        """One row of the subset for each of these rows of the targets."""


@dataclass(frozen=True)
class OwnNeighbours:
    """Each target image's usable neighbours: rows of the subset, one list after the other."""

    rows: Rows
    start: Rows
    number: Rows

    def draw(self, targets: Rows, generator: np.random.Generator) -> Rows:
        """See `SourceChoice`: uniformly one of the image's own."""
        place = generator.integers(0, self.number[targets])
        rows: Rows = self.rows[self.start[targets] + place]
        return rows


@dataclass(frozen=True)
class AnySource:
    """The whole subset, whatever the target image."""

    number: int

    def draw(self, targets: Rows, generator: np.random.Generator) -> Rows:
        """See `SourceChoice`: uniformly any."""
        return generator.integers(0, self.number, len(targets))


@dataclass(frozen=True)
class NoSource:
    """Fine-tuning alone: no source images."""

    def draw(self, targets: Rows, generator: np.random.Generator) -> Rows:
        """See `SourceChoice`: none."""
        return np.empty(0, np.int64)


def own_neighbours(manifest: Manifest, neighbours: Neighbours) -> OwnNeighbours:
    """Each target image's first K_i neighbours, as far as they are in the subset.

    Raises `UserError` where manifest and neighbour lists do not belong together.
    """
    counts = manifest.targets["neighbours"].to_numpy()
    if not np.array_equal(manifest.targets["image"].to_numpy(), neighbours.targets):
        raise UserError(
            "The manifest's target images are not those of the neighbour lists. Remove "
            "targets.csv and subset.csv of this round and run again."
        )
    if counts.max(initial=0) > neighbours.sources.shape[1]:
        raise UserError(
            f"targets.csv asks for {counts.max()} neighbours of an image, but "
            f"{neighbours.sources.shape[1]} are on file. Raise neighbours_on_file."
        )
    subset = manifest.subset["image"].to_numpy()
    chosen = np.arange(neighbours.sources.shape[1]) < counts[:, None]
    usable = chosen & np.isin(neighbours.sources, subset)
    number = usable.sum(axis=1)
    return OwnNeighbours(
        rows=np.searchsorted(subset, neighbours.sources[usable]).astype(np.int64),
        start=np.concatenate([[0], np.cumsum(number)[:-1]]).astype(np.int64),
        number=number.astype(np.int64),
    )


def source_choice(
    sources: Sources, manifest: Manifest, neighbours: Neighbours | None
) -> SourceChoice:
    """What may stand beside a target image, by where source images come from."""
    match sources:
        case "none":
            return NoSource()
        case "neighbours":
            assert neighbours is not None
            return own_neighbours(manifest, neighbours)
        case _:
            return AnySource(len(manifest.subset))


class Pairing:
    """Draws batches: ``size`` of ``targets`` target images, and their source images."""

    def __init__(
        self,
        targets: int,
        size: int,
        choice: SourceChoice,
        seed: int,
        draws: Rows | None = None,
        balance: ClassBalance | None = None,
    ) -> None:
        """Set up the draw; ``seed`` covers the run and the round.

        ``draws`` int64 [targets] says how often each image comes in an epoch: once without it.
        """
        listed = np.repeat(np.arange(targets), 1 if draws is None else draws)
        self._epochs = Epochs(listed, size, seed, balance)
        self._choice = choice
        self._seed = seed

    def batch(self, step: int) -> tuple[Rows, Rows]:
        """Rows of the targets, and of the subset, of batch ``step``."""
        rows = self._epochs.batch(step)
        generator = np.random.default_rng(stable_integer("source", self._seed, step))
        return rows, self._choice.draw(rows, generator)
