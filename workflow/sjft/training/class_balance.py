"""Class balance: no batch holds many target images of one class while others could stand there.

The authors' program keeps a batch from holding more than two target images of one class: images
of other classes are drawn in the place of the surplus. Here the surplus changes places with
images of other batches of the same epoch, so that each still comes as often as it should.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
PLACES_AT_FIRST = 256


@dataclass(frozen=True)
class ClassBalance:
    """``labels`` int64 [targets]; ``most`` images of one class are wanted in a batch at most."""

    labels: Integers
    most: int

    def limits(self, classes: Integers, size: int) -> Integers:
        """How many of each class a batch of ``size`` may hold, int64 [classes].

        ``classes`` int64 [places] are those of an epoch. A class that is too frequent for ``most``
        may have its even share, rounded up: with less, its images could not all come.
        """
        images = np.bincount(classes, minlength=int(self.labels.max(initial=-1)) + 1)
        share: Integers = -(-images * size // max(1, len(classes)))
        return np.maximum(self.most, share)


def spread(classes: Integers, batches: Integers, held: Integers, limits: Integers) -> Integers:
    """An order of places, int64 [places], that keeps the limits where changing places can.

    ``classes`` and ``batches`` int64 [places] say which class stands at each place, and in which
    batch that is; ``held`` int64 [batches, classes] what else stands in the batches and stays;
    ``limits`` int64 [classes]. A surplus image changes places with the next one, in the order of
    places and from the last to the first, where both batches have room for what they get.
    """
    order, classes, counts = np.arange(len(classes)), classes.copy(), held.copy()
    np.add.at(counts, (batches, classes), 1)
    changed = True
    while changed:
        changed = False
        for place in np.flatnonzero(counts[batches, classes] > limits[classes]).tolist():
            here, surplus = batches[place], classes[place]
            if counts[here, surplus] <= limits[surplus]:
                continue  # another of its class has left in the meantime
            room_here, room_there = counts[here] < limits, counts[:, surplus] < limits[surplus]
            other = _next_that_fits(place, room_here, classes, room_there, batches)
            if other is None:
                continue
            counts[[here, batches[other]], [surplus, classes[other]]] -= 1
            counts[[here, batches[other]], [classes[other], surplus]] += 1
            order[[place, other]] = order[[other, place]]
            classes[[place, other]] = classes[[other, place]]
            changed = True
    return order


def _next_that_fits(
    place: int,
    room_here: NDArray[np.bool_],
    classes: Integers,
    room_there: NDArray[np.bool_],
    batches: Integers,
) -> int | None:
    """The first place, from ``place`` on and from the last to the first, with room on both sides.

    Looked at piece by piece, each larger than the one before: it is near as a rule, and of a
    million places each surplus would look at all.
    """
    for first, end in ((place, len(classes)), (0, place)):
        start, piece = first, PLACES_AT_FIRST
        while start < end:
            some = slice(start, min(start + piece, end))
            fits = room_here[classes[some]] & room_there[batches[some]]
            if fits.any():
                return start + int(fits.argmax())
            start, piece = start + piece, 2 * piece
    return None
