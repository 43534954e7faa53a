"""Pairing: which images stand in a batch (paper, section 3.1).

Half of a batch are target images, drawn in shuffled order (`sjft.training.epochs`); beside each
stands one of its own K_i nearest source images, drawn uniformly. Where fewer source images are
wanted they stand beside the first target images, whose order is random; where more are, beside all
in turn. A batch is a function of seed and step alone: it does not depend on what was drawn before,
on workers, or on where training was interrupted.

What a batch's loss is to know of an image beside its label comes with the pairs, and goes through
loader and loop as a part of the batch.
"""

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours
from sjft.selection.subset import Manifest
from sjft.settings.selection import Sources, no_divergences
from sjft.storage.files import stable_integer
from sjft.training.class_balance import ClassBalance
from sjft.training.epochs import Epochs

Rows = NDArray[np.int64]
Weights = NDArray[np.float32]
Divergences = NDArray[np.float32]


class Drawn(NamedTuple):
    """Source images: ``rows`` of the subset, int64, and the ``weights`` of their losses.

    Weights are float32 of mean 1 over the batch; None where all count alike.
    """

    rows: Rows
    weights: Weights | None = None


@dataclass(frozen=True)
class Pairs:
    """The images of a batch, as rows: of the targets, and of the subset.

    Source image j stands beside target image j, modulo their number. ``source_weights`` are those
    of `Drawn`.
    """

    targets: Rows
    sources: Rows
    source_weights: Weights | None = None

    def share(self, of: slice) -> "Pairs":
        """Some of the pairs, for one of several processes: every so-many-th of either side.

        Where both numbers are multiples of that of the processes, a source image goes where the
        target image is that it stands beside.
        """
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{k: v[of] for k, v in values.items() if v is not None})


class SourceChoice(Protocol):
    """Which source images may stand beside a target image."""

    def draw(self, targets: Rows, generator: np.random.Generator) -> Drawn:
        """One row of the subset for each of these rows of the targets."""


@dataclass(frozen=True)
class OwnNeighbours:
    """Each target image's usable neighbours: rows of the subset, one list after the other.

    With ``divergences`` float32, one for each row, a source image's loss is weighted by
    exp(-divergence / scale).
    """

    rows: Rows
    start: Rows
    number: Rows
    divergences: Divergences | None = None
    scale: float | None = None

    def draw(self, targets: Rows, generator: np.random.Generator) -> Drawn:
        """See `SourceChoice`: uniformly one of the image's own."""
        place = self.start[targets] + generator.integers(0, self.number[targets])
        if self.divergences is None or self.scale is None:
            return Drawn(self.rows[place])
        return Drawn(self.rows[place], nearness(self.divergences[place], self.scale))


def nearness(divergences: Divergences, scale: float) -> Weights:
    """exp(-divergence / scale) of a batch's images as multiples of their mean, float32 [images].

    Divided by their mean, weights say which images of a batch count more, and not how much the
    whole batch counts: else a small scale would shrink the source's loss to nothing, which is what
    `source_loss_weight` is for. The nearest image's divergence is taken off first. That changes
    nothing in exact numbers, and keeps a sum of tiny ones from being 0.
    """
    exponent = (divergences.min() - divergences.astype(np.float64)) / scale
    shares = np.exp(exponent)
    weights: Weights = (shares / shares.mean()).astype(np.float32)
    return weights


@dataclass(frozen=True)
class AnySource:
    """The whole subset, whatever the target image."""

    number: int

    def draw(self, targets: Rows, generator: np.random.Generator) -> Drawn:
        """See `SourceChoice`: uniformly any."""
        return Drawn(generator.integers(0, self.number, len(targets)))


@dataclass(frozen=True)
class NoSource:
    """Fine-tuning alone: no source images."""

    def draw(self, targets: Rows, generator: np.random.Generator) -> Drawn:
        """See `SourceChoice`: none."""
        return Drawn(np.empty(0, np.int64))


def own_neighbours(
    manifest: Manifest, neighbours: Neighbours, scale: float | None = None
) -> OwnNeighbours:
    """Each target image's first K_i neighbours, as far as they are in the subset.

    With a ``scale``, the nearer ones' losses count more: see `nearness`.
    Raises `UserError` where manifest and neighbour lists do not belong together, and where an
    edited subset leaves a target image none.
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
    _require_one_each(manifest, number)
    return OwnNeighbours(
        rows=np.searchsorted(subset, neighbours.sources[usable]).astype(np.int64),
        start=np.concatenate([[0], np.cumsum(number)[:-1]]).astype(np.int64),
        number=number.astype(np.int64),
        divergences=None if scale is None else neighbours.divergences[usable],
        scale=scale,
    )


def _require_one_each(manifest: Manifest, number: Rows) -> None:
    alone = np.flatnonzero(number == 0)
    if len(alone):
        raise UserError(
            f"{manifest.targets['path'][int(alone[0])]}: none of this target image's K_i nearest "
            f"source images stands in subset.csv ({len(alone)} such). Leave each target image one "
            "of its own, or remove subset.csv and targets.csv of this round and run again."
        )


def source_choice(
    sources: Sources,
    manifest: Manifest,
    neighbours: Neighbours | None,
    scale: float | None = None,
) -> SourceChoice:
    """What may stand beside a target image, by where source images come from.

    Raises `UserError` for a ``scale`` of divergences where none belong to the source images.
    """
    if scale is not None and sources in {"all", "random"}:
        raise UserError(f"training.source_loss_scale: {no_divergences(sources)}")
    match sources:
        case "none":
            return NoSource()
        case "neighbours":
            assert neighbours is not None
            return own_neighbours(manifest, neighbours, scale)
        case _:
            return AnySource(len(manifest.subset))


class Pairing:
    """Draws batches: ``size`` of ``targets`` target images, and source images beside them."""

    def __init__(
        self,
        targets: int,
        size: int,
        choice: SourceChoice,
        seed: int,
        draws: Rows | None = None,
        balance: ClassBalance | None = None,
        sources: int | None = None,
    ) -> None:
        """Set up the draw; ``seed`` covers the run and the round.

        ``draws`` int64 [targets] says how often each image comes in an epoch: once without it.
        ``sources`` is how many source images stand in a batch: as many as target images without it.
        """
        listed = np.repeat(np.arange(targets), 1 if draws is None else draws)
        self._epochs = Epochs(listed, size, seed, balance)
        self._choice = choice
        self._seed = seed
        # Beside which of a batch's target images each source image stands.
        self._beside = np.arange(size if sources is None else sources) % size

    def batch(self, step: int) -> Pairs:
        """The images of batch ``step``."""
        rows = self._epochs.batch(step)
        generator = np.random.default_rng(stable_integer("source", self._seed, step))
        drawn = self._choice.draw(rows[self._beside], generator)
        return Pairs(rows, drawn.rows, source_weights=drawn.weights)
