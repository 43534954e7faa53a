"""Speed, accuracy and recall of the search: against sgemm, scipy, scikit-learn, faiss and hnswlib.

    python benchmarks/search.py --output FILE [--data DATA] [--keep FOLDER] [--growth] [--quick]

DATA holds `flowers17/train`, `miniimagenet/train` and `weights/squeezenet1_1.pth`; without it
random histograms stand in. `--keep` keeps the photographs' histograms for the next call; `--growth`
adds sources of 5,000 to 80,000 images, mixed channel by channel from those that are there;
`--quick` checks results and no times. Ways that are compared take turns, round after round; what is
said is the median and its ratio. For times per core set OPENBLAS_NUM_THREADS, OMP_NUM_THREADS and
NUMBA_NUM_THREADS to 1. Writes Markdown to FILE, and the same numbers as JSON. The libraries
that are compared: `pip install -e '.[benchmark]'`; those that are not there are left out.
"""

import argparse
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from leakage import histograms_of, pictures_in
from numpy.typing import NDArray
from pydantic import TypeAdapter
from scipy.spatial.distance import cdist

from sjft.banks import make_bank
from sjft.divergence import ExactDivergence, divergence_of_candidates
from sjft.files import write_json, write_text
from sjft.histograms import Histograms, read_histograms
from sjft.index import AnnoyIndex, FlatIndex, build_annoy_index, load_annoy_index
from sjft.neighbours import NearestSoFar, Neighbours
from sjft.projection import fit_projection, hellinger_vectors, read_projection
from sjft.search import search_candidates, search_exactly
from sjft.settings.bank import BankSettings
from sjft.settings.retrieval import AnnoySettings

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
EPSILON = 2.2e-16
DIMENSIONS = 128
FACTOR = AnnoySettings().candidates_factor
GROWTH = (5_000, 10_000, 20_000, 40_000, 80_000)
Row = dict[str, Any]


def photographs(data: Path, folder: Path) -> tuple[Histograms, Histograms]:
    """Flowers 17's training photographs and mini-ImageNet's, by SqueezeNet's first layers."""
    target, source = folder / "target.histograms", folder / "source.histograms"
    if not (target.is_file() and source.is_file()):
        config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["banks"]["squeezenet"]
        settings: BankSettings = TypeAdapter(BankSettings).validate_python(config)
        bank = (make_bank(settings, data / "weights" / "squeezenet1_1.pth"), settings)
        own, bins = histograms_of(pictures_in(data, "flowers17/train"), bank, None, folder)
        others, _ = histograms_of(pictures_in(data, "miniimagenet/train"), bank, bins, folder)
        del own, others
        (folder / "flowers17-train.histograms").replace(target)
        (folder / "miniimagenet-train.histograms").replace(source)
    return read_histograms(target), read_histograms(source)


def random_histograms(seed: int, images: int, channels: int, bins: int) -> Histograms:
    """Histograms around a few random ones, so that some images are nearer than others."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(0).dirichlet(np.full(bins, 0.5), (12, channels))
    shares = 0.7 * centres[rng.integers(0, 12, images)]
    shares += 0.3 * rng.dirichlet(np.full(bins, 0.5), (images, channels))
    counts = rng.multinomial(3025, shares).astype(np.uint16)
    weight = np.full(channels, 1 / channels)
    numbers, positions = np.arange(images, dtype=np.int32), np.full(channels, 3025)
    return Histograms(numbers, counts, positions, weight, "random", str(seed))


def mixed(source: Histograms, images: int) -> Histograms:
    """More images: each channel is that of one of two real images."""
    rng = np.random.default_rng(images)
    counts = source.counts[rng.integers(0, len(source.images), images)]
    others = rng.integers(0, len(source.images), images)
    for image, other in enumerate(others):
        channels = rng.random(counts.shape[1]) < 0.2
        counts[image, channels] = source.counts[other, channels]
    numbers = np.arange(images, dtype=np.int32)
    return Histograms(numbers, counts, source.positions, source.weight, source.digest_of_bins, "")


def in_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each way; every round runs each once, the first one is not timed."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return {name: float(np.median(values)) for name, values in seconds.items()}


def against_sgemm(targets: Histograms, source: Histograms, rounds: int) -> list[Row]:
    """The exact search of blocks beside a plain product of the same shapes."""
    rows = []
    for block in (256, 512):
        part = source.take(np.arange(min(block, len(source.images))))
        images = len(part.images)
        divergence = ExactDivergence(targets, EPSILON)
        sides = [
            np.random.default_rng(n).random((n, 2 * targets.counts[0].size), dtype=np.float32)
            for n in (len(targets.images), images)
        ]
        ways = {
            "sgemm": lambda a=sides[0], b=sides[1]: a @ b.T,
            "divergence": lambda d=divergence, p=part: d.to(p),
            "divergence and lists": lambda d=divergence, p=part: _lists(targets, d, p),
        }
        pairs = len(targets.images) * images
        for name, seconds in in_turns(ways, rounds).items():
            us = round(1e6 * seconds / pairs, 4)
            rows.append({"what": name, "images a block": images, "us a pair": us})
    return rows


def _lists(targets: Histograms, divergence: ExactDivergence, part: Histograms) -> Neighbours:
    found = NearestSoFar(targets.images, 100, len(part.images))
    found.add(part.images, divergence.to(part))
    return found.lists()


def error_in_float64(targets: Histograms, source: Histograms) -> Row:
    """Largest difference from sums in float64."""
    some = targets.take(np.arange(0, len(targets.images), max(1, len(targets.images) // 40)))
    part = source.take(np.arange(min(2000, len(source.images))))
    every = np.tile(np.arange(len(part.images), dtype=np.int32), (len(some.images), 1))
    truth = divergence_of_candidates(some, part, every, EPSILON)
    error = np.abs(ExactDivergence(some, EPSILON).to(part) - truth).max()
    return {"pairs": truth.size, "largest error": float(error), "median": float(np.median(truth))}


def pair_by_pair(targets: Histograms, source: Histograms, rounds: int) -> list[Row]:
    """A pair by scipy's cdist with the formula, by ranking candidates, and by the product."""
    few = [h.take(np.arange(min(6, len(h.images)))) for h in (targets, source)]
    shares = [(h.counts / h.positions[:, None]).reshape(len(h.images), -1) for h in few]
    weight = np.repeat(targets.weight, targets.counts.shape[2])

    def divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
        logs = np.log(p + EPSILON) - np.log(q + EPSILON)
        return float(0.5 * np.sum(weight * (p - q) * logs))

    many = source.take(np.arange(min(500, len(source.images))))
    every = np.tile(np.arange(len(many.images), dtype=np.int32), (len(targets.images), 1))
    product = ExactDivergence(targets, EPSILON)
    np.testing.assert_allclose(
        cdist(*shares, divergence), ExactDivergence(few[0], EPSILON).to(few[1]), atol=1e-5
    )
    ways = {
        "scipy cdist": (lambda: cdist(*shares, divergence), shares[0].shape[0] ** 2),
        "ranking of candidates": (
            lambda: divergence_of_candidates(targets, many, every, EPSILON),
            every.size,
        ),
        "matrix product": (lambda: product.to(many), every.size),
    }
    seconds = in_turns({name: way for name, (way, _) in ways.items()}, rounds)
    return [{"what": n, "us a pair": round(1e6 * seconds[n] / ways[n][1], 3)} for n in ways]


class LibraryIndex:
    """Another library's search behind the protocol of `sjft.index`."""

    def __init__(self, query: Callable[[NDArray[np.float32], int], Any]) -> None:
        """``query`` returns the items' rows."""
        self._query = query

    def candidates(self, vectors: NDArray[np.float32], number: int) -> NDArray[np.int32]:
        """See `sjft.index.VectorIndex`."""
        return np.asarray(self._query(vectors, number), np.int32)


def other_libraries(vectors: NDArray[np.float32], wanted: int) -> dict[str, LibraryIndex]:
    """Those that are installed."""
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
    if importlib.util.find_spec("hnswlib"):
        import hnswlib  # noqa: PLC0415

        graph = hnswlib.Index("l2", vectors.shape[1])
        graph.init_index(len(vectors), random_seed=1, M=16, ef_construction=200)
        graph.add_items(vectors, num_threads=1)
        graph.set_ef(2 * wanted)
        made["hnswlib"] = LibraryIndex(lambda q, n: graph.knn_query(q, n, num_threads=1)[0])
    return made


def annoy_of(vectors: NDArray[np.float32], folder: Path) -> tuple[AnnoyIndex, float]:
    """An index by the defaults, and the seconds that it took."""
    started = time.perf_counter()
    files = folder / "a.ann", folder / "a.json"
    build_annoy_index(vectors, AnnoySettings(), 0, *files, {})
    seconds = time.perf_counter() - started
    return load_annoy_index(*files, len(vectors), AnnoySettings(), {}), seconds


def compare(
    targets: Histograms,
    source: Histograms,
    lengths: Sequence[int],
    rounds: int,
    folder: Path,
    others: bool = True,
    fitted_on: Histograms | None = None,
) -> list[Row]:
    """Seconds, recall and the share of the exact search's time, for lists of several lengths.

    ``fitted_on`` is the whole target, where ``targets`` are some of it.
    """
    fit_projection(
        fitted_on or targets,
        epsilon=EPSILON,
        dimensions=DIMENSIONS,
        sample=5000,
        seed=0,
        output=folder / "projection.h5",
        inputs={},
    )
    projection = read_projection(folder / "projection.h5")
    own, vectors = projection.project(targets), projection.project(source)
    annoy, built = annoy_of(vectors, folder)
    rows = []
    for kept in lengths:
        number = min(len(source.images), round(FACTOR * kept))
        indexes = {
            "annoy": annoy,
            "flat": FlatIndex(vectors),
            **(other_libraries(vectors, number) if others else {}),
        }
        ways: dict[str, Callable[[], Neighbours]] = {
            "exact": lambda k=kept: search_exactly(targets, source, k, EPSILON)
        }
        for name, index in indexes.items():
            ways[name] = lambda i=index, k=kept, n=number: search_candidates(
                targets, own, source, i, k, n, EPSILON
            )
        truth = ways["exact"]()
        recalls = {name: recall_of(way(), truth) for name, way in ways.items()}
        seconds = in_turns(ways, rounds)
        for name in ways:
            rows.append(
                {
                    "backend": name,
                    "source images": len(source.images),
                    "K": kept,
                    "K in %": round(100 * kept / len(source.images), 2),
                    "ms a target image": round(1e3 * seconds[name] / len(targets.images), 3),
                    "of exact's time": round(seconds[name] / seconds["exact"], 3),
                    "recall": round(recalls[name], 4),
                    "index built in s": round(built, 1) if name == "annoy" else "",
                }
            )
    return rows


def recall_of(found: Neighbours, truth: Neighbours) -> float:
    """Share of the truly nearest that were found; equally near ones count alike."""
    radius = truth.divergences[:, -1:] * (1 + 1e-5) + 1e-5
    return float((found.divergences <= radius).mean())


def hellinger(targets: Histograms, source: Histograms, rounds: int) -> list[Row]:
    """scikit-learn's brute force on whole Hellinger vectors, beside the exact search."""
    if not importlib.util.find_spec("sklearn"):
        return []
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415

    part = source.take(np.arange(min(3000, len(source.images))))
    brute = NearestNeighbors(n_neighbors=100, algorithm="brute").fit(hellinger_vectors(part))
    own = hellinger_vectors(targets)
    ways = {
        "exact search, 100 nearest": lambda: search_exactly(targets, part, 100, EPSILON),
        "scikit-learn, Hellinger, 100 nearest": lambda: brute.kneighbors(own),
    }
    pairs = len(targets.images) * len(part.images)
    return [
        {"what": name, "us a pair": round(1e6 * seconds / pairs, 3)}
        for name, seconds in in_turns(ways, rounds).items()
    ]


def table(rows: Sequence[Row]) -> str:
    """A Markdown table; all rows have the first one's columns."""
    if not rows:
        return "(not installed)\n"
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def measure(chosen: argparse.Namespace, scratch: Path) -> dict[str, list[Row]]:
    """All tables, by their headings."""
    rounds = 1 if chosen.quick else 5
    if chosen.data and not chosen.quick:
        folder = chosen.keep or scratch
        folder.mkdir(parents=True, exist_ok=True)
        targets, source = photographs(chosen.data, folder)
    else:
        sizes = (60, 600, 10, 20) if chosen.quick else (400, 6000, 64, 100)
        targets = random_histograms(1, sizes[0], *sizes[2:])
        source = random_histograms(2, sizes[1], *sizes[2:])
    lengths = [k for k in (20, 60, 100) if FACTOR * k <= len(source.images)]
    found = {
        "The exact search beside sgemm": against_sgemm(targets, source, 3 * rounds),
        "Its error": [error_in_float64(targets, source)],
        "A pair": pair_by_pair(targets, source, rounds),
        "Whole vectors": hellinger(targets, source, rounds),
        "Backends": compare(targets, source, lengths, min(rounds, 3), scratch),
    }
    if chosen.growth:
        some = targets.take(np.arange(0, len(targets.images), max(1, len(targets.images) // 100)))
        found["Growth, lists of 0.25 % of the source"] = [
            row
            for images in GROWTH
            for row in compare(
                some, mixed(source, images), [images // 400], 1, scratch, False, targets
            )
        ]
    return found


def check(found: dict[str, list[Row]]) -> None:
    """What must hold on any machine: results, not times."""
    assert found["Its error"][0]["largest error"] < 1e-5, found["Its error"]
    for row in found["Backends"]:
        assert row["recall"] >= 0.9, row


def main() -> None:
    """Measure, check, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True, help="Markdown file to write")
    parser.add_argument("--data", type=Path, help="see the top of this file")
    parser.add_argument("--keep", type=Path, help="folder for the photographs' histograms")
    parser.add_argument("--growth", action="store_true", help="sources of up to 80,000 images")
    parser.add_argument("--quick", action="store_true", help="check results on small random data")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(chosen, Path(scratch))
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "all")
    text = "\n".join(f"### {heading}\n\n{table(rows)}" for heading, rows in found.items())
    write_text(chosen.output, f"Threads of the product: {threads}.\n\n{text}")
    write_json(chosen.output.with_suffix(".json"), {"threads": threads, "tables": found})
    print(text)
    check(found)


if __name__ == "__main__":
    main()
