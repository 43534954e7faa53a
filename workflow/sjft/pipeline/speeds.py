"""How fast the stages are here, measured on a few dozen images: what a plan is computed from."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image

from sjft.descriptors.banks import make_bank
from sjft.descriptors.extraction import Extraction, extract_descriptors
from sjft.leakage.hashes import hash_images, read_hashes
from sjft.retrieval.bins import equalise_bins
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.histograms import Histograms, build_histograms, read_histograms
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import IndexBackend, IndexFiles
from sjft.settings.banks.common import FilterBankSettings
from sjft.settings.retrieval import RetrievalSettings

# An index of so many random vectors stands for one of a shard.
ITEMS_OF_INDEX = 2000
# ImageNet's images are 400 x 350 pixels and 110 kB on average.
TYPICAL_SIZE, TYPICAL_QUALITY = (400, 350), 95


@dataclass(frozen=True)
class Speeds:
    """Core-seconds and bytes on disk, an image where nothing else is said.

    ``bins`` is the number of channels times bins, ``item_bytes`` what a count takes in memory.
    """

    bins: int
    item_bytes: int
    hash_seconds: float
    hash_bytes: float
    compare_seconds: float  # a pair of hashes
    extract_seconds: float
    descriptor_bytes: float
    histogram_seconds: float
    histogram_bytes: float
    read_seconds: float
    exact_seconds: float  # a pair
    projection_seconds: float
    index_seconds: float
    index_bytes: float
    query_seconds: float  # a candidate that an index returns


def make_images(folder: Path, number: int) -> list[str]:
    """JPEG files as large as ImageNet's are on average, of noise of several grains."""
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for place in range(number):
        rng = np.random.default_rng(place)
        layers = [
            Image.fromarray(rng.integers(0, 256, (side, side, 3), dtype=np.uint8)).resize(
                TYPICAL_SIZE, Image.Resampling.BICUBIC
            )
            for side in (4, 16, 64, 200)
        ]
        mixed = np.mean([np.asarray(layer, np.float32) for layer in layers], axis=0)
        names.append(f"{place:03d}.jpg")
        image = Image.fromarray(mixed.astype(np.uint8))
        image.save(folder / names[-1], quality=TYPICAL_QUALITY)
    return names


def measure_speeds(
    root: Path,
    paths: list[str],
    bank: FilterBankSettings,
    weights: Path | None,
    retrieval: RetrievalSettings,
) -> Speeds:
    """Run the stages on some images below ``root``, in a folder of its own, and time them.

    Weights that are not there (None) are replaced by random ones: they cost as much.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _measure(
            *(Path(scratch), root, paths),
            *(bank.without_file() if weights is None else bank, weights, retrieval),
        )


def _measure(
    scratch: Path,
    root: Path,
    paths: list[str],
    bank: FilterBankSettings,
    weights: Path | None,
    retrieval: RetrievalSettings,
) -> Speeds:
    schema = {"image": pl.Int32, "path": pl.String}
    table = pl.DataFrame({"image": range(len(paths)), "path": paths}, schema=schema)
    files = {name: scratch / f"{name}.h5" for name in ("hashes", "descriptors", "bins", "counts")}
    filters = make_bank(bank, weights)
    extraction = Extraction(filters, bank.grid, bank.model_dump(mode="json"), {}, True)

    def extract() -> None:
        extract_descriptors(table, root, extraction, files["descriptors"])

    def count() -> None:
        build_histograms(files["descriptors"], files["bins"], files["counts"])

    images = len(paths)
    hashing = _seconds(lambda: hash_images(table, root, files["hashes"], {})) / images
    hashes = read_hashes([files["hashes"]])
    extracting = _seconds(extract) / images
    equalise_bins([files["descriptors"]], retrieval.bins, retrieval.layer_weights, files["bins"])
    counting = _seconds(count) / images
    reading = _seconds(lambda: read_histograms(files["counts"])) / images
    histograms = read_histograms(files["counts"])
    exact = _seconds_of_pair(histograms, retrieval.epsilon)
    built, index_bytes, query = _seconds_of_index(scratch, retrieval)
    bins = histograms.counts[0].size
    return Speeds(
        bins=bins,
        item_bytes=histograms.counts.itemsize,
        hash_seconds=hashing,
        hash_bytes=files["hashes"].stat().st_size / images,
        compare_seconds=_seconds_of_comparison(hashes.bits),
        extract_seconds=extracting,
        descriptor_bytes=files["descriptors"].stat().st_size / images,
        histogram_seconds=counting,
        histogram_bytes=files["counts"].stat().st_size / images,
        read_seconds=reading,
        exact_seconds=exact,
        # A component is half of what both factors of a pair are.
        projection_seconds=exact * retrieval.projection_dimensions / 2,
        index_seconds=built,
        index_bytes=index_bytes,
        query_seconds=query,
    )


def _seconds(work: Callable[[], object]) -> float:
    """Processor time of all threads, the second time: the first loads and compiles."""
    work()
    started = time.process_time()
    work()
    return time.process_time() - started


def _seconds_of_comparison(bits: np.ndarray) -> float:
    from sjft.leakage.perceptual_hash import hash_distances  # noqa: PLC0415

    many = np.resize(bits, (2000, *bits.shape[1:]))
    return _seconds(lambda: hash_distances(many, many)) / len(many) ** 2


def _seconds_of_pair(histograms: Histograms, epsilon: float) -> float:
    """Of a pair of the exact search."""
    targets = histograms.take(np.arange(256) % len(histograms.images))
    divergence = ExactDivergence(targets, epsilon)
    return _seconds(lambda: divergence.estimate(targets)) / len(targets.images) ** 2


def _seconds_of_index(scratch: Path, retrieval: RetrievalSettings) -> tuple[float, float, float]:
    """Seconds and bytes of an item, and seconds of a candidate; 0 of a backend without an index."""
    backend = search_backend(retrieval.backend)
    if not isinstance(backend, IndexBackend):
        return 0.0, 0.0, 0.0
    vectors = np.random.default_rng(0).standard_normal(
        (ITEMS_OF_INDEX, retrieval.projection_dimensions), dtype=np.float32
    )
    files = IndexFiles(scratch / "a.ann", scratch / "a.json")
    started = time.process_time()
    backend.build(vectors, retrieval, files, {})
    built = (time.process_time() - started) / ITEMS_OF_INDEX
    index = backend.load(files, ITEMS_OF_INDEX, retrieval, {})
    query = _seconds(lambda: index.candidates(vectors[:20], 100)) / (20 * 100)
    return built, files.index.stat().st_size / ITEMS_OF_INDEX, query
