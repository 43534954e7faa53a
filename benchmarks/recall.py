"""Recall and time of the search at the size of a large source, shard by shard as the program does.

    python benchmarks/recall.py --output FILE [--data DATA] [--keep FOLDER] [--quick]

Source images are mixed from those that are there: each takes a fifth of its channels from another
one. Shards of 5,000 are made, indexed, searched by every backend and joined, up to 200,000 source
images; lists hold up to 0.5 % of the source. Processor time of the search alone: an index or a
projection serves any number of searches, and is said apart. Half an hour, 3 GB of memory.
"""

import math
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from command_line import Row, parser_of, tables, write_results
from numpy.typing import NDArray
from search import EPSILON, SETTINGS, annoy_of, fitted_projection, histograms, recall_of

from sjft.retrieval.budget import candidates_per_shard, kept_per_shard
from sjft.retrieval.histograms import Histograms
from sjft.retrieval.index.backend import VectorIndex
from sjft.retrieval.index.flat import FlatIndex
from sjft.retrieval.neighbours import Neighbours, nearest
from sjft.retrieval.search import search_candidates, search_exactly

A_SHARD, QUICK_SHARD = 5_000, 300
# Source images, and how many of them each target image keeps.
CASES = ((20_000, 100), (200_000, 100), (200_000, 1000))
QUICK_CASES = ((600, 20),)
BACKENDS = ("exact", "annoy", "flat")


def mixed(source: Histograms, images: int, seed: int) -> Histograms:
    """More images: each channel is that of one of two real images."""
    rng = np.random.default_rng(seed)
    counts = source.counts[rng.integers(0, len(source.images), images)]
    others = rng.integers(0, len(source.images), images)
    for image, other in enumerate(others):
        channels = rng.random(counts.shape[1]) < 0.2
        counts[image, channels] = source.counts[other, channels]
    numbers = np.arange(seed * images, (seed + 1) * images, dtype=np.int32)
    return Histograms(numbers, counts, source.positions, source.weight, source.digest_of_bins, "")


class Case:
    """One size of source and one length of lists, as shards come in."""

    def __init__(self, images: int, kept: int, shards: int) -> None:
        """Nothing is searched yet."""
        self.images, self.kept, self.shards = images, kept, shards
        self.found: dict[str, list[Neighbours]] = {name: [] for name in BACKENDS}
        self.seconds = dict.fromkeys(BACKENDS, 0.0)

    def add(self, a_shard: int, search: dict[str, Callable[[int, int], Neighbours]]) -> None:
        """Search one shard by every backend; each takes the lists' length and the candidates'."""
        kept = kept_per_shard(self.kept, a_shard, self.shards)
        factor = SETTINGS.annoy.candidates_factor
        number = candidates_per_shard(self.kept, a_shard, self.shards, factor)
        for name in BACKENDS:
            started = time.process_time()
            self.found[name].append(search[name](kept, number))
            self.seconds[name] += time.process_time() - started

    def rows(self, targets: int) -> list[Row]:
        """A row a backend."""
        joined = {name: nearest(parts, self.kept) for name, parts in self.found.items()}
        return [
            {
                "source images": self.images,
                "K": self.kept,
                "K in %": round(100 * self.kept / self.images, 3),
                "backend": name,
                "ms a target image": round(1e3 * self.seconds[name] / targets, 2),
                "of exact's time": round(self.seconds[name] / self.seconds["exact"], 3),
                "recall": round(recall_of(joined[name], joined["exact"]), 4),
            }
            for name in BACKENDS
        ]


def _exact(targets: Histograms, shard: Histograms, kept: int, _wanted: int) -> Neighbours:
    return search_exactly(targets, shard, kept, EPSILON)


def _by_index(
    targets: Histograms,
    vectors: NDArray[np.float32],
    shard: Histograms,
    index: VectorIndex,
    kept: int,
    wanted: int,
) -> Neighbours:
    return search_candidates(targets, vectors, shard, index, kept, wanted, EPSILON)


def measure(
    targets: Histograms, source: Histograms, cases: list[Case], a_shard: int, folder: Path
) -> list[Row]:
    """Rows of all cases; each shard is made once."""
    projection = fitted_projection(targets, folder)
    own = projection.project(targets)
    for number in range(max(case.shards for case in cases)):
        shard = mixed(source, a_shard, number)
        vectors = projection.project(shard)
        indexes: dict[str, VectorIndex] = {
            "annoy": annoy_of(vectors, folder),
            "flat": FlatIndex(vectors),
        }
        search: dict[str, Callable[[int, int], Neighbours]] = {
            "exact": partial(_exact, targets, shard)
        }
        for name, index in indexes.items():
            search[name] = partial(_by_index, targets, own, shard, index)
        for name in BACKENDS:  # compiles, and brings the shard into memory
            if not number:
                search[name](1, 1)
        for case in cases:
            if number < case.shards:
                case.add(a_shard, search)
    return [row for case in cases for row in case.rows(len(targets.images))]


def check(rows: list[Row]) -> None:
    """What every run requires."""
    for row in rows:
        assert row["recall"] >= SETTINGS.recall_floor, row


def main() -> None:
    """Measure, write the table, and check."""
    parser = parser_of(__doc__)
    parser.add_argument("--keep", type=Path, help="folder for the histograms")
    parser.add_argument("--most", type=int, default=200_000, help="source images at the most")
    chosen = parser.parse_args()
    a_shard = QUICK_SHARD if chosen.quick else A_SHARD
    sizes = QUICK_CASES if chosen.quick else CASES
    cases = [Case(n, k, math.ceil(n / a_shard)) for n, k in sizes if n <= chosen.most]
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        targets, source = histograms(chosen, scratch)
        rows = measure(targets, source, cases, a_shard, scratch)
    ratios = {
        f"{row['backend']} / exact search, K = {row['K']} of {row['source images']}, in shards": (
            row["of exact's time"]
        )
        for row in rows
        if row["backend"] != "exact"
    }
    found = {"Backends over shards of a large source": rows}
    write_results(chosen.output, tables(found), {**ratios, "tables": found})
    check(rows)


if __name__ == "__main__":
    main()
