"""Groups of images that lie near each other: what one of them asks for, the others want as well."""

import numpy as np
from numpy.typing import NDArray


def groups_of_similar(vectors: NDArray[np.float32], largest: int) -> list[NDArray[np.intp]]:
    """Rows of ``vectors``, float32 [rows, dimensions], in groups of at most ``largest``.

    The rows are halved across their first principal axis until the parts are small enough: every
    row is in one group, and groups differ in size by one at most on each level.
    """
    groups: list[NDArray[np.intp]] = []
    waiting = [np.arange(len(vectors))]
    while waiting:
        rows = waiting.pop()
        if len(rows) <= largest:
            groups.append(rows)
            continue
        order = np.argsort(vectors[rows] @ _first_axis(vectors[rows]), kind="stable")
        half = len(rows) // 2
        waiting += [rows[order[half:]], rows[order[:half]]]
    return groups


def _first_axis(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The direction of the largest variance, float64 [dimensions]."""
    centred = vectors - vectors.mean(axis=0)
    axis: NDArray[np.float64] = np.linalg.eigh((centred.T @ centred).astype(np.float64))[1][:, -1]
    return axis
