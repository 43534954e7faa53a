"""Indexes over projected vectors: which images of a shard could be near.

An index answers with candidates only; the divergence decides (see `sjft.retrieval.search`).
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import annoy
import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.retrieval.neighbours import NearestSoFar
from sjft.settings.retrieval import AnnoySettings
from sjft.storage.files import read_json, write_json, writing, written_beside
from sjft.storage.seals import checksum_of_file

SELF_CHECKED_ITEMS = 100
# Annoy's own default looks at a node in each tree for each candidate, which misses too much where
# these are few.
MORE_NODES = 30


class VectorIndex(Protocol):
    """What the search needs of an index over one shard."""

    def candidates(self, vectors: NDArray[np.float32], number: int) -> NDArray[np.int32]:
        """Rows of the shard's nearest items, int32 [vectors, number], nearest first."""


class AnnoyIndex:
    """Annoy behind `VectorIndex`; it checks what Annoy itself does not.

    Annoy returns fewer items than asked for without a word; each query is widened until the
    number is right. ``items`` is how many vectors there are, ``trees`` how many trees.
    """

    def __init__(self, index: annoy.AnnoyIndex, search_k: int | None, path: Path) -> None:
        """Wrap a loaded index; `build_annoy_index` and `load_annoy_index` make one."""
        self._index = index
        self._search_k = search_k
        self._path = path
        self.items = index.get_n_items()
        self.trees = index.get_n_trees()
        self.widened = 0

    def candidates(self, vectors: NDArray[np.float32], number: int) -> NDArray[np.int32]:
        """See `VectorIndex`. Raises `UserError` where Annoy cannot return so many items."""
        wanted = min(number, self.items)
        return np.array(
            [self._query(vector, wanted) for vector in _finite(vectors, self._path)], np.int32
        ).reshape(len(vectors), wanted)

    def _query(self, vector: NDArray[np.float32], wanted: int) -> list[int]:
        search_k = self._search_k or (wanted + MORE_NODES) * self.trees
        everything = 2 * self.items * self.trees
        while True:
            found: list[int] = self._index.get_nns_by_vector(vector, wanted, search_k)
            if len(found) == wanted:
                return found
            if search_k > everything:
                raise UserError(
                    f"{self._path}: Annoy returns {len(found)} of {wanted} items however wide the "
                    "search. Remove the index and build it again."
                )
            search_k *= 2
            self.widened += 1


class FlatIndex:
    """No index at all: every vector of the shard is compared, by one matrix product."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        """``vectors`` float32 [items, dimensions]."""
        self._vectors = vectors
        self._squares = np.einsum("ij,ij->i", vectors, vectors)

    def candidates(self, vectors: NDArray[np.float32], number: int) -> NDArray[np.int32]:
        """See `VectorIndex`; equally near items come in the order of their rows."""
        distances = vectors @ self._vectors.T
        distances *= -2
        distances += self._squares
        distances += np.einsum("ij,ij->i", vectors, vectors)[:, None]
        items = np.arange(len(self._vectors), dtype=np.int32)
        found = NearestSoFar(np.arange(len(vectors), dtype=np.int32), number, len(items))
        found.add(items, np.maximum(distances, 0))
        return found.lists().sources


def _finite(vectors: NDArray[np.float32], path: Path) -> NDArray[np.float32]:
    if not np.isfinite(vectors).all():
        raise UserError(f"{path}: a vector is not finite. Check the histograms and the projection.")
    return vectors


def build_annoy_index(
    vectors: NDArray[np.float32],
    settings: AnnoySettings,
    seed: int,
    output: Path,
    record: Path,
    made_from: Mapping[str, str],
) -> None:
    """Build an index of ``vectors``, float32 [items, dimensions], check it, and write it.

    One thread and a seed: the same vectors give the same bytes. ``record`` is a JSON file that
    says what the index holds, and the digests of what it was made from. Raises `UserError` for
    vectors that are not finite, and where an item does not find itself (as with an Annoy built
    with -ffast-math by some compilers).
    """
    started = time.perf_counter()
    items, dimensions = vectors.shape
    with written_beside(output) as beside:
        index = annoy.AnnoyIndex(dimensions, "euclidean")
        index.set_seed(seed + 1)  # Annoy takes 0 for "no seed"
        for item, vector in enumerate(_finite(vectors, output)):
            index.add_item(item, vector)
        index.build(settings.trees, n_jobs=1)
        _save(index, beside, output)
        checked = _check_items_find_themselves(index, vectors, output)
        index.unload()
        size, checksum = beside.stat().st_size, checksum_of_file(beside)
    write_json(
        record,
        {
            "items": items,
            "dimensions": dimensions,
            "trees": settings.trees,
            "seed": seed,
            "bytes": size,
            "checksum_of_index": checksum,
            "made_from": dict(made_from),
            "items_that_found_themselves": checked,
            "seconds": round(time.perf_counter() - started, 3),
        },
    )


def _save(index: annoy.AnnoyIndex, beside: Path, output: Path) -> None:
    with writing(output):
        beside.touch()  # what is wrong with the folder, Annoy says without a number
        index.save(str(beside))


def _check_items_find_themselves(
    index: annoy.AnnoyIndex, vectors: NDArray[np.float32], path: Path
) -> int:
    """Query items spread over the index; each must be found, or one that is the same vector.

    The search is as wide as the index: an item that lies on a tree's plane may stand on either
    side of it.
    """
    everything = 2 * len(vectors) * index.get_n_trees()
    items = np.unique(np.linspace(0, len(vectors) - 1, SELF_CHECKED_ITEMS).astype(int))
    for item in items:
        nearest = index.get_nns_by_vector(vectors[item], 1, everything)
        if not nearest or not np.array_equal(vectors[nearest[0]], vectors[item]):
            raise UserError(
                f"{path}: item {item} of the new index does not find itself; it finds {nearest}. "
                "This Annoy was built with unsafe compiler options: install it again as the "
                "README says."
            )
    return len(items)


def load_annoy_index(
    path: Path, record: Path, items: int, settings: AnnoySettings, made_from: Mapping[str, str]
) -> AnnoyIndex:
    """Map an index into memory.

    Raises `UserError` where it does not hold ``items`` vectors, or was made from other files than
    those of the digests ``made_from``.
    """
    try:
        facts = read_json(record)
    except UserError as error:
        raise UserError(f"{path}: cannot be loaded. {error}") from None
    try:
        if path.stat().st_size != facts["bytes"]:
            raise UserError(f"{path}: is truncated. Remove it and run again.")
        # Before Annoy sees it: it follows the numbers in the file wherever they lead.
        if checksum_of_file(path) != facts["checksum_of_index"]:
            raise UserError(
                f"{path}: is damaged, or another index than {record} is about. Remove both and "
                "run again."
            )
        other = [name for name in made_from if facts["made_from"].get(name) != made_from[name]]
        index = annoy.AnnoyIndex(facts["dimensions"], "euclidean")
        index.load(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{path}: cannot be loaded ({error}). Remove it and run again.") from None
    if other:
        raise UserError(f"{path}: belongs to another {other[0]} file. Remove it and run again.")
    if index.get_n_items() != items:
        raise UserError(
            f"{path}: holds {index.get_n_items()} items, the shard {items} images. Remove it and "
            "run again."
        )
    return AnnoyIndex(index, settings.search_k, path)
