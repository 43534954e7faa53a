"""Searches of other libraries that are installed, behind the protocol of `sjft.retrieval.index`.

They are in the extra `benchmark` of pyproject.toml, which `make benchmark` installs.
"""

import importlib.util
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Query = Callable[[NDArray[np.float32], int], Any]
LIBRARIES = {"sklearn": "scikit-learn", "faiss": "faiss-cpu", "hnswlib": "hnswlib"}


class LibraryIndex:
    """Another library's search as a `sjft.retrieval.index.backend.VectorIndex`."""

    def __init__(self, query: Query) -> None:
        """``query`` returns the items' rows."""
        self._query = query

    def candidates(self, vectors: NDArray[np.float32], number: int) -> NDArray[np.int32]:
        """See `sjft.retrieval.index.backend.VectorIndex`."""
        return np.asarray(self._query(vectors, number), np.int32)


def missing() -> list[str]:
    """Names of the libraries that are not installed."""
    return [name for module, name in LIBRARIES.items() if not importlib.util.find_spec(module)]


def brute_force(vectors: NDArray[np.float32]) -> dict[str, LibraryIndex]:
    """Searches that compare a query with every vector."""
    made = {}
    if importlib.util.find_spec("sklearn"):
        from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415

        brute = NearestNeighbors(algorithm="brute").fit(vectors)
        made["scikit-learn brute"] = LibraryIndex(
            lambda q, n: brute.kneighbors(q, n, return_distance=False)
        )
    if importlib.util.find_spec("faiss"):
        import faiss  # noqa: PLC0415

        flat = faiss.IndexFlatL2(vectors.shape[1])
        flat.add(vectors)
        made["faiss flat"] = LibraryIndex(lambda q, n: flat.search(q, n)[1])
    return made


def graph(vectors: NDArray[np.float32], wanted: int) -> dict[str, LibraryIndex]:
    """hnswlib's graph, for queries of ``wanted`` items."""
    if not importlib.util.find_spec("hnswlib"):
        return {}
    import hnswlib  # noqa: PLC0415

    made = hnswlib.Index("l2", vectors.shape[1])
    made.init_index(len(vectors), random_seed=1, M=16, ef_construction=200)
    made.add_items(vectors, num_threads=1)
    made.set_ef(2 * wanted)
    return {"hnswlib": LibraryIndex(lambda q, n: made.knn_query(q, n, num_threads=1)[0])}
