"""Prints digests of neighbour lists, made in many ways: `test_processors.py` runs it elsewhere.

    python tests/support/lists_on_this_processor.py FOLDER

Which processor the libraries take this one for, and on how many threads they compute, stands in the
environment.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from crowd import crowd

from sjft.retrieval import search as search_module
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.histograms import Histograms
from sjft.retrieval.index.annoy import build_annoy_index, load_annoy_index
from sjft.retrieval.index.flat import FlatIndex
from sjft.retrieval.neighbours import Neighbours, nearest
from sjft.retrieval.projection import hellinger_vectors
from sjft.retrieval.search import search_candidates, search_exactly
from sjft.settings.retrieval import AnnoySettings

EPSILON = 2.2e-16
KEPT = 40


def digest(*arrays: np.ndarray) -> str:
    """Of arrays, to the last bit."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16]


def ways(targets: Histograms, sources: Histograms, folder: Path) -> dict[str, Neighbours]:
    """Lists by every backend, in blocks and in shards."""
    found = {}
    vectors = [hellinger_vectors(histograms) for histograms in (targets, sources)]
    everything, files = len(sources.images), (folder / "a.ann", folder / "a.json")
    build_annoy_index(vectors[1], AnnoySettings(), 0, *files, {})
    annoy = load_annoy_index(*files, everything, AnnoySettings(), {})
    indexes = {"flat": FlatIndex(vectors[1]), "annoy": annoy}
    for name, index in indexes.items():
        found[name] = search_candidates(
            targets, vectors[0], sources, index, KEPT, everything, EPSILON
        )
    for block in ((5, 32), (1000, 100), (1000, 512)):
        search_module.exact_blocks = lambda *_, b=block: b  # as for other memory
        found[f"exact, blocks of {block}"] = search_exactly(targets, sources, KEPT, EPSILON, 10**9)
    shard_of = np.random.default_rng(0).integers(0, 3, everything)
    shards = [sources.take(np.flatnonzero(shard_of == shard)) for shard in range(3)]
    parts = [search_exactly(targets, shard, KEPT, EPSILON, 10**9) for shard in shards]
    found["three shards"] = nearest(parts, KEPT)
    return found


def main() -> None:
    """Search, and print the lists' digests and that of the estimates."""
    targets, sources = crowd(1, 4), crowd(2)
    lists = ways(targets, sources, Path(sys.argv[1]))
    digests = {name: digest(found.sources, found.divergences) for name, found in lists.items()}
    estimates = digest(ExactDivergence(targets, EPSILON).estimate(sources))
    print(json.dumps({"lists": digests, "estimates": estimates}))


if __name__ == "__main__":
    main()
