"""A flat scan: every projected vector of the shard is compared, with no index on file."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from sjft.retrieval.blocks import Sizes, bytes_of_candidate_search
from sjft.retrieval.index.backend import Backend, Keys, Shard, Work
from sjft.retrieval.neighbours import NearestSoFar, Neighbours
from sjft.settings.retrieval import RetrievalSettings

SECONDS_A_PAIR = 1e-8  # of vectors: their part of a matrix product, and the selection by it


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


class Flat(Backend):
    """Candidates by the distance of projected vectors, all of them compared."""

    searched_by: ClassVar[Keys] = {"annoy": {"candidates_factor"}, "projection_dimensions": True}

    def search(self, shard: Shard) -> Neighbours:
        """See `Backend`."""
        return shard.among(FlatIndex(shard.vectors()))

    def candidates_factor(self, settings: RetrievalSettings) -> float:
        """See `Backend`: the one key of `annoy` that holds here too."""
        return settings.annoy.candidates_factor

    def search_bytes(
        self, targets: Sizes, sources: Sizes, kept: int, settings: RetrievalSettings
    ) -> int:
        """See `Backend`."""
        return bytes_of_candidate_search(targets, sources, kept, settings.projection_dimensions)

    def search_seconds(self, work: Work) -> float:
        """See `Backend`."""
        return work.ranking + work.projecting + work.pairs * SECONDS_A_PAIR

    def advice(self, settings: RetrievalSettings) -> str:
        """See `Backend`."""
        return more_candidates(settings)


def more_candidates(settings: RetrievalSettings) -> str:
    """What to change where candidates are too few, or told apart by too little."""
    return (
        f"Raise annoy.candidates_factor ({settings.annoy.candidates_factor:g}) or "
        f"projection_dimensions ({settings.projection_dimensions}), or set `backend: exact`."
    )


BACKEND = Flat()
