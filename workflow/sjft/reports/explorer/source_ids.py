"""Which source images the page names, and which of them it shows as images."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sjft.reports.explorer.comparison import Comparison, Ids


@dataclass(frozen=True)
class SourceIds:
    """``numbers`` int32 [named]: the ranking's number of each image that the page names.

    Its place in them is its id on the page; the first ``imaged`` are shown as images.
    """

    numbers: Ids
    imaged: int

    def of(self, numbers: Ids) -> NDArray[np.intp]:
        """The ids of some images, which are all named."""
        order = np.argsort(self.numbers)
        ids: NDArray[np.intp] = order[np.searchsorted(self.numbers[order], numbers)]
        return ids


def name_sources(
    comparisons: Sequence[Comparison], most_borrowed: Sequence[Ids], limit: int
) -> SourceIds:
    """All images of the lists, the random and the most borrowed ones; ``limit`` of them imaged.

    Those are imaged that are the nearest of any target image, then the second nearest, and so
    on. They stand in the order in which the target images bring them, so that the images of one
    list lie on few sheets.
    """
    named = [*(c.sources for c in comparisons), *(c.random for c in comparisons)]
    ranks = [np.broadcast_to(np.arange(lists.shape[1]), lists.shape) for lists in named]
    # Row by row: what the first target image brings, then the second ...
    together = np.concatenate([np.hstack(named).ravel(), *most_borrowed])
    of_borrowed = [np.arange(len(images)) for images in most_borrowed]
    rank = np.concatenate([np.hstack(ranks).ravel(), *of_borrowed])
    numbers, first, inverse = np.unique(together, return_index=True, return_inverse=True)
    lowest = np.full(len(numbers), rank.max(initial=0))
    np.minimum.at(lowest, inverse, rank)
    kept = np.zeros(len(numbers), bool)
    kept[np.argsort(lowest, kind="stable")[:limit]] = True
    order = np.lexsort((first, ~kept))
    return SourceIds(numbers[order].astype(np.int32), int(kept.sum()))
