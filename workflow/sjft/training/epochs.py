"""Epochs: the order in which target images come, as a function of the seed and the place alone.

Each image stands in an epoch as often as it is to be drawn, in an order shuffled anew; where
classes are to be balanced, images change places between the epoch's batches. Epochs follow each
other without a gap, so that a batch may reach from one into the next.
"""

import numpy as np

from sjft.storage.files import stable_integer
from sjft.training.class_balance import ClassBalance, Integers, spread


class Epochs:
    """Gives the target images of any batch, without what was drawn before it.

    A batch that two epochs share is balanced in two steps, so that no epoch depends on more than
    its neighbour: an epoch's last images are settled first, by that epoch alone, and the next
    one's first images are chosen to go with them.
    """

    def __init__(
        self, listed: Integers, size: int, seed: int, balance: ClassBalance | None = None
    ) -> None:
        """``listed`` are an epoch's rows, one at least; ``size`` target images make a batch."""
        self._listed = listed
        self._size = size
        self._seed = seed
        self._balance = balance
        # Only so as not to compute them for each batch anew.
        self._kept: dict[tuple[str, int], Integers] = {}

    def batch(self, step: int) -> Integers:
        """Rows of the targets in batch ``step``, int64 [size]."""
        places = np.arange(step * self._size, (step + 1) * self._size)
        epochs, offsets = np.divmod(places, len(self._listed))
        first, last = int(epochs[0]), int(epochs[-1])
        orders = {epoch: self._order(epoch) for epoch in range(first, last + 1)}
        self._kept = {key: rows for key, rows in self._kept.items() if first - 1 <= key[1] <= last}
        return np.array([orders[e][o] for e, o in zip(epochs, offsets, strict=True)], np.int64)

    def _order(self, epoch: int) -> Integers:
        """The rows of an epoch in their final order."""
        if ("order", epoch) not in self._kept:
            rows = self._draft(epoch)
            if self._balance is not None:
                start = epoch * len(rows)
                before = range(start // self._size * self._size, start)
                rows = self._balanced(rows, epoch, self._settled(before), self._balance)
            self._kept["order", epoch] = rows
        return self._kept["order", epoch]

    def _draft(self, epoch: int) -> Integers:
        """The rows of an epoch, balanced by itself; of the last batch, if shared, that is final."""
        if ("draft", epoch) not in self._kept:
            seed = stable_integer("epoch", self._seed, epoch)
            rows = self._listed[np.random.default_rng(seed).permutation(len(self._listed))]
            if self._balance is not None:
                rows = self._balanced(rows, epoch, None, self._balance)
            self._kept["draft", epoch] = rows
        return self._kept["draft", epoch]

    def _settled(self, places: range) -> Integers:
        """The rows at places that belong to the last batch of their epoch."""
        number = len(self._listed)
        return np.array([self._draft(p // number)[p % number] for p in places], np.int64)

    def _balanced(
        self, rows: Integers, epoch: int, before: Integers | None, balance: ClassBalance
    ) -> Integers:
        """``rows`` spread over the epoch's batches.

        Where ``before`` is given, the rows of earlier epochs in the first batch, what stands in a
        batch that is shared with the next epoch stays there.
        """
        classes = balance.labels[rows]
        limits = balance.limits(classes, self._size)
        places = np.arange(len(rows)) + epoch * len(rows)
        batches = places // self._size
        batches -= batches[0]
        held = np.zeros((batches[-1] + 1, len(limits)), np.int64)
        movable = np.ones(len(rows), bool)
        if before is not None:
            np.add.at(held[0], balance.labels[before], 1)
            if (places[-1] + 1) % self._size:
                movable = batches < batches[-1]
        order = np.flatnonzero(movable)
        order = order[spread(classes[order], batches[order], held, limits)]
        return np.concatenate([rows[order], rows[~movable]])
