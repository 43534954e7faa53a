"""Speed and accuracy of the search: against sgemm, scipy, scikit-learn, faiss and hnswlib.

    python benchmarks/search.py --output FILE [--data DATA] [--keep FOLDER] [--quick]

`--keep` keeps the histograms for the next call. Ways that are compared take turns, round after
round; what is said are medians of processor seconds, and of each round's ratios. For times per core
set OPENBLAS_NUM_THREADS, OMP_NUM_THREADS and NUMBA_NUM_THREADS to 1. Libraries that are not
installed are left out. See benchmarks/sample_images.py for DATA.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from command_line import Row, in_turns, parser_of, tables, write_results
from numpy.typing import NDArray
from other_libraries import brute_force, graph
from sample_images import configured_bank, data_or_made, histograms_of, images_in
from scipy.spatial.distance import cdist

from sjft.retrieval.budget import candidates_per_shard
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.histograms import Histograms
from sjft.retrieval.index.annoy import AnnoyIndex, build_annoy_index, load_annoy_index
from sjft.retrieval.index.backend import VectorIndex
from sjft.retrieval.index.flat import FlatIndex
from sjft.retrieval.nearest import InMemory, rank
from sjft.retrieval.neighbours import Neighbours
from sjft.retrieval.projection import Projection, fit_projection, hellinger_vectors, read_projection
from sjft.retrieval.search import search_candidates, search_exactly
from sjft.settings.retrieval import RetrievalSettings

SETTINGS = RetrievalSettings(bank="any")
EPSILON = SETTINGS.epsilon
LENGTHS = (10, 20, 60, 100)
Ways = dict[str, Callable[[], Any]]


def histograms(chosen: argparse.Namespace, scratch: Path) -> tuple[Histograms, Histograms]:
    """Of the target's and the source's training images, by SqueezeNet's first layers."""
    data = data_or_made(chosen.data, scratch / "data", chosen.quick)
    folder = chosen.keep or scratch
    folder.mkdir(parents=True, exist_ok=True)
    bank = configured_bank("squeezenet", data)
    targets, sources = (images_in(data, f"{n}/train") for n in ("flowers17", "miniimagenet"))
    if chosen.quick:
        targets, sources = targets.some(40), sources.some(600)
    own, bins = histograms_of(targets, bank, None, folder)
    return own, histograms_of(sources, bank, bins, folder)[0]


def timed(ways: Ways, rounds: int) -> dict[str, list[float]]:
    """Processor seconds of each way, round by round."""
    return in_turns(ways, rounds, time.process_time)


def ratio(seconds: dict[str, list[float]], one: str, other: str) -> float:
    """Median over the rounds of one way's time as a multiple of another's."""
    pairs = zip(seconds[one], seconds[other], strict=True)
    return round(statistics.median(a / b for a, b in pairs), 4)


def against_sgemm(targets: Histograms, source: Histograms, rounds: int) -> list[Row]:
    """The exact search of blocks, for 0.5 % of them, beside a plain product of the same shapes."""
    rows = []
    for block in (256, 512):
        part = source.take(np.arange(min(block, len(source.images))))
        divergence = ExactDivergence(targets, EPSILON)
        length = 2 * targets.counts[0].size
        left, right = (
            np.random.default_rng(n).random((n, length), dtype=np.float32)
            for n in (len(targets.images), len(part.images))
        )
        ways: Ways = {
            "sgemm": partial(np.matmul, left, right.T),
            "estimates": partial(divergence.estimate, part),
            "estimates, exact divergences and lists": partial(
                rank, divergence, InMemory(part), max(1, len(part.images) // 200), len(part.images)
            ),
        }
        seconds, pairs = timed(ways, rounds), len(left) * len(right)
        for name in ways:
            us = round(1e6 * statistics.median(seconds[name]) / pairs, 4)
            row = {"what": name, "images a block": len(right), "us a pair": us}
            rows.append({**row, "of sgemm's time": ratio(seconds, name, "sgemm")})
    return rows


def in_float64(targets: Histograms, source: Histograms) -> NDArray[np.float64]:
    """The definition, float64 [targets, sources], a target at a time."""
    shares = [h.counts / h.positions[:, None] for h in (targets, source)]
    logs = [np.log(share + EPSILON) for share in shares]
    rows = [
        np.einsum("jcb,jcb,c->j", p - shares[1], log - logs[1], 0.5 * targets.weight)
        for p, log in zip(shares[0], logs[0], strict=True)
    ]
    return np.stack(rows)


def accuracy(targets: Histograms, source: Histograms) -> list[Row]:
    """Largest differences from sums in float64, and what TF32 would change of the lists.

    As a share of the divergence where it is over 1.
    """
    some = targets.take(np.arange(0, len(targets.images), max(1, len(targets.images) // 20)))
    part = source.take(np.arange(min(1000, len(source.images))))
    truth = in_float64(some, part)
    divergence = ExactDivergence(some, EPSILON)
    rows = [
        {"what": name, "figure": float((np.abs(found - truth) / np.maximum(truth, 1)).max())}
        for name, found in (
            ("largest error", divergence.to(part)),
            ("largest error of an estimate", divergence.estimate(part)),
        )
    ]
    # As on a GPU: what errors it may have is known, and made up for.
    rounded = ExactDivergence(some, EPSILON)
    rounded.device, product = "cuda", rounded._product
    rounded._product = lambda right: product(to_tf32(right))
    error = float((np.abs(rounded.estimate(part) - truth) / np.maximum(truth, 1)).max())
    rows.append({"what": "largest error of an estimate, sides rounded to TF32", "figure": error})
    for depth in (100, 1000):
        if depth < len(source.images):
            lists = [rank(d, InMemory(source), depth, 512).sources for d in (divergence, rounded)]
            same = float((lists[0] == lists[1]).mean())
            name = f"places of the nearest {depth} that are the same with sides rounded to TF32"
            rows.append({"what": name, "figure": round(same, 5)})
    return rows


def to_tf32(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Round to 10 bits of mantissa, as a GPU's tensor cores do with what they multiply."""
    bits = (values.view(np.uint32) + np.uint32(0x1000)) & np.uint32(0xFFFFE000)
    return bits.view(np.float32)


def pair_by_pair(targets: Histograms, source: Histograms, rounds: int) -> list[Row]:
    """A pair by scipy's cdist with the formula, in whole numbers, and by the product."""
    few = [h.take(np.arange(min(6, len(h.images)))) for h in (targets, source)]
    shares = [(h.counts / h.positions[:, None]).reshape(len(h.images), -1) for h in few]
    weight = np.repeat(targets.weight, targets.counts.shape[2])

    def divergence(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
        logs = np.log(p + EPSILON) - np.log(q + EPSILON)
        return float(0.5 * np.sum(weight * (p - q) * logs))

    many = source.take(np.arange(min(500, len(source.images))))
    product = ExactDivergence(targets, EPSILON)
    np.testing.assert_allclose(
        cdist(*shares, divergence), ExactDivergence(few[0], EPSILON).to(few[1]), atol=1e-7
    )
    ways: Ways = {
        "scipy cdist": lambda: cdist(*shares, divergence),
        "in whole numbers": lambda: product.to(many),
        "product": lambda: product.estimate(many),
    }
    both = len(targets.images) * len(many.images)
    pairs = {"scipy cdist": 36, "in whole numbers": both, "product": both}
    seconds = timed(ways, rounds)
    return [
        {"what": name, "us a pair": round(1e6 * statistics.median(seconds[name]) / pairs[name], 3)}
        for name in ways
    ]


def whole_vectors(targets: Histograms, source: Histograms, rounds: int) -> list[Row]:
    """Other libraries' brute force on whole Hellinger vectors, beside the exact search."""
    part = source.take(np.arange(min(3000, len(source.images))))
    own, wanted = hellinger_vectors(targets), min(100, len(part.images))
    ways: Ways = {"exact": lambda: search_exactly(targets, part, wanted, EPSILON)}
    for name, index in brute_force(hellinger_vectors(part)).items():
        ways[name] = partial(index.candidates, own, wanted)
    seconds, pairs = timed(ways, rounds), len(targets.images) * len(part.images)
    truth = ways["exact"]().sources
    rows = []
    for name in ways:
        us = round(1e6 * statistics.median(seconds[name]) / pairs, 3)
        found = truth if name == "exact" else ways[name]()
        same = np.mean([len(np.intersect1d(a, b)) / wanted for a, b in zip(truth, found)])  # noqa: B905
        row = {"what": name, "us a pair": us, "of exact's time": ratio(seconds, name, "exact")}
        rows.append({**row, f"of the nearest {wanted}": round(float(same), 3)})
    return rows


def fitted_projection(targets: Histograms, folder: Path) -> Projection:
    """The projection of the defaults."""
    fit_projection(
        targets,
        epsilon=EPSILON,
        dimensions=SETTINGS.projection_dimensions,
        sample=SETTINGS.projection_sample,
        seed=0,
        output=folder / "projection.h5",
        inputs={},
    )
    return read_projection(folder / "projection.h5")


def annoy_of(vectors: NDArray[np.float32], folder: Path) -> AnnoyIndex:
    """An index of the defaults."""
    files = folder / "a.ann", folder / "a.json"
    build_annoy_index(vectors, SETTINGS.annoy, 0, *files, {})
    return load_annoy_index(*files, len(vectors), SETTINGS.annoy, {})


def backends(targets: Histograms, source: Histograms, rounds: int, folder: Path) -> list[Row]:
    """Seconds, recall and the share of the exact search's time, for lists of several lengths."""
    projection = fitted_projection(targets, folder)
    own, vectors = projection.project(targets), projection.project(source)
    images, factor = len(source.images), SETTINGS.annoy.candidates_factor
    annoy, flat, others = annoy_of(vectors, folder), FlatIndex(vectors), brute_force(vectors)
    rows = []
    for kept in LENGTHS:
        number = candidates_per_shard(kept, images, 1, factor)
        indexes: dict[str, VectorIndex] = {
            "annoy": annoy,
            "flat": flat,
            **others,
            **graph(vectors, number),
        }
        ways: Ways = {"exact": partial(search_exactly, targets, source, kept, EPSILON)}
        for name, index in indexes.items():
            ways[name] = partial(
                search_candidates, targets, own, source, index, kept, number, EPSILON
            )
        truth, seconds = ways["exact"](), timed(ways, rounds)
        for name, way in ways.items():
            ms = round(1e3 * statistics.median(seconds[name]) / len(targets.images), 3)
            row = {"backend": name, "source images": images, "K": kept}
            row |= {"K in %": round(100 * kept / images, 2), "ms a target image": ms}
            row |= {"of exact's time": ratio(seconds, name, "exact")}
            rows.append({**row, "recall": round(recall_of(way(), truth), 4)})
    return rows


def recall_of(found: Neighbours, truth: Neighbours) -> float:
    """Share of the truly nearest that were found; equally near ones count alike."""
    return float((found.divergences <= truth.divergences[:, -1:]).mean())


def ratios(found: dict[str, list[Row]]) -> dict[str, float]:
    """What the tables come down to."""
    sgemm = [r for r in found["The exact search beside sgemm"] if r["what"].endswith("lists")]
    pairs = {row["what"]: row["us a pair"] for row in found["A pair"]}
    gathered = {
        "exact search / sgemm": sgemm[-1]["of sgemm's time"],
        "scipy cdist / exact search": round(pairs["scipy cdist"] / pairs["product"], 1),
        "a pair in whole numbers / its estimate": round(
            pairs["in whole numbers"] / pairs["product"], 1
        ),
    }
    for row in found["Whole vectors"][1:]:
        gathered[f"{row['what']} on Hellinger vectors / exact search"] = row["of exact's time"]
    for row in found["Backends"]:
        if row["backend"] != "exact":
            name = f"{row['backend']} / exact search, K = {row['K']} of {row['source images']}"
            gathered[name] = row["of exact's time"]
    return gathered


def check(found: dict[str, list[Row]]) -> None:
    """What must hold on any machine: results, not times."""
    exact, estimate, *_ = (row["figure"] for row in found["Accuracy"])
    assert exact < 1e-7, found["Accuracy"]
    assert estimate < 1e-5, found["Accuracy"]
    for row in found["Accuracy"]:
        assert not row["what"].startswith("places") or row["figure"] == 1, row
    for row in found["Backends"]:
        assert row["recall"] >= SETTINGS.recall_floor, row


def main() -> None:
    """Measure, write the tables, and check."""
    parser = parser_of(__doc__)
    parser.add_argument("--keep", type=Path, help="folder for the histograms")
    chosen = parser.parse_args()
    rounds = 1 if chosen.quick else 5
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        targets, source = histograms(chosen, scratch)
        found = {
            "The exact search beside sgemm": against_sgemm(targets, source, 3 * rounds),
            "Accuracy": accuracy(targets, source),
            "A pair": pair_by_pair(targets, source, rounds),
            "Whole vectors": whole_vectors(targets, source, rounds),
            "Backends": backends(targets, source, min(rounds, 3), scratch),
        }
    write_results(chosen.output, tables(found), {**ratios(found), "tables": found})
    check(found)


if __name__ == "__main__":
    main()
