"""Annoy: an index of random trees over projected vectors, one file a shard."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import annoy
import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.retrieval.blocks import FLOAT, Sizes, bytes_of_candidate_search
from sjft.retrieval.index.backend import IndexBackend, IndexFiles, Keys, Shard, Work
from sjft.retrieval.index.flat import more_candidates
from sjft.retrieval.index.record import checked_facts, not_loaded, recorded
from sjft.retrieval.neighbours import Neighbours
from sjft.settings.retrieval import AnnoySettings, RetrievalSettings
from sjft.storage.files import writing

LOG = logging.getLogger(__name__)
SELF_CHECKED_ITEMS = 100
# Annoy's own default looks at a node in each tree for each candidate, which misses too much where
# these are few.
MORE_NODES = 30


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
    items, dimensions = vectors.shape
    with recorded(IndexFiles(output, record), made_from) as new:
        index = annoy.AnnoyIndex(dimensions, "euclidean")
        index.set_seed(seed + 1)  # Annoy takes 0 for "no seed"
        for item, vector in enumerate(_finite(vectors, output)):
            index.add_item(item, vector)
        index.build(settings.trees, n_jobs=1)
        _save(index, new.path, output)
        checked = _check_items_find_themselves(index, vectors, output)
        index.unload()
        new.facts.update(items=items, dimensions=dimensions, trees=settings.trees, seed=seed)
        new.checks.update(items_that_found_themselves=checked)


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
                "Makefile does, with its ANNOY_COMPILER_ARGS."
            )
    return len(items)


def load_annoy_index(
    path: Path, record: Path, items: int, settings: AnnoySettings, made_from: Mapping[str, str]
) -> AnnoyIndex:
    """Map an index into memory.

    Raises `UserError` where it does not hold ``items`` vectors, or was made from other files than
    those of the digests ``made_from``.
    """
    facts = checked_facts(IndexFiles(path, record), made_from)
    try:
        index = annoy.AnnoyIndex(facts["dimensions"], "euclidean")
        index.load(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise not_loaded(path, error) from None
    if index.get_n_items() != items:
        raise UserError(
            f"{path}: holds {index.get_n_items()} items, the shard {items} images. Remove it and "
            "run again."
        )
    return AnnoyIndex(index, settings.search_k, path)


def annoy_bytes(images: int, settings: RetrievalSettings) -> int:
    """An upper bound of an index's size: its items, and each tree's inner nodes.

    A leaf holds at most dimensions + 2 items and, with random planes, a third of that or more.
    """
    dimensions = settings.projection_dimensions
    node = FLOAT * dimensions + 16
    nodes_of_tree = 2 * math.ceil(3 * images / (dimensions + 2)) + 3
    return node * (images + settings.annoy.trees * nodes_of_tree)


class Annoy(IndexBackend):
    """Candidates from an Annoy index."""

    searched_by: ClassVar[Keys] = {"annoy": True, "projection_dimensions": True}
    built_by: ClassVar[Keys] = {"annoy": {"trees"}, "seed": True}

    def build(
        self,
        vectors: NDArray[np.float32],
        settings: RetrievalSettings,
        files: IndexFiles,
        made_from: Mapping[str, str],
    ) -> None:
        """See `IndexBackend`."""
        build_annoy_index(
            vectors, settings.annoy, settings.seed, files.index, files.record, made_from
        )

    def load(
        self,
        files: IndexFiles,
        items: int,
        settings: RetrievalSettings,
        made_from: Mapping[str, str],
    ) -> AnnoyIndex:
        """See `IndexBackend`."""
        return load_annoy_index(files.index, files.record, items, settings.annoy, made_from)

    def search(self, shard: Shard) -> Neighbours:
        """See `Backend`."""
        assert shard.files is not None
        images = shard.sizes[1].images
        index = self.load(shard.files, images, shard.settings, shard.made_from)
        found = shard.among(index)
        LOG.info("Annoy returned too few items for %d searches, which were widened", index.widened)
        return found

    def candidates_factor(self, settings: RetrievalSettings) -> float:
        """See `Backend`."""
        return settings.annoy.candidates_factor

    def search_bytes(
        self, targets: Sizes, sources: Sizes, kept: int, settings: RetrievalSettings
    ) -> int:
        """What every search among candidates takes, and the index."""
        index = annoy_bytes(sources.images, settings)
        dimensions = settings.projection_dimensions
        return bytes_of_candidate_search(targets, sources, kept, dimensions) + index

    def build_bytes(self, images: int, settings: RetrievalSettings) -> int:
        """The index grows by copying."""
        return 3 * annoy_bytes(images, settings)

    def search_seconds(self, work: Work) -> float:
        """See `Backend`."""
        return work.ranking + work.asking

    def advice(self, settings: RetrievalSettings) -> str:
        """See `Backend`."""
        return more_candidates(settings)


BACKEND = Annoy()
