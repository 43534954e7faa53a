"""How much memory a job needs, from the sizes of what it reads: what the rules declare as mem_mb.

Sizes are known as soon as the files are; before, Snakemake decides later. A job is told what it was
given and cuts its blocks accordingly (see `sjft.retrieval.blocks`).
"""

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sjft.errors import NotAsWrittenError
from sjft.retrieval.blocks import FLOAT, KEY, MB, Sizes, bytes_of_exact_search
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import IndexBackend
from sjft.settings.retrieval import RetrievalSettings
from sjft.storage.seals import facts_of

# A job on a cluster holds two processes of Snakemake beside its script: 155 MB each that they share
# with nothing (docs/costs.md).
SNAKEMAKE_MB = 310
# Python with the libraries of the stages that use no torch, 190 to 280 MB; searches, which compile
# more, 290 to 350 MB.
STAGE_MB, SEARCH_MB = SNAKEMAKE_MB + 250, SNAKEMAKE_MB + 340
LISTING_MB = SNAKEMAKE_MB + 150


def sizes_of_histograms(paths: Sequence[str | Path]) -> Sizes:
    """The sizes of several shards together; raises `FileNotFoundError` where one is not there."""
    images = bins = item = 0
    for path in paths:
        os.stat(path)  # noqa: PTH116  (its error names the file as Snakemake expects)
        facts = _facts_of(path, "count")
        if facts is not None:
            shard, channels, bins_a_channel = facts["shape"]
            images += shard
            bins, item = channels * bins_a_channel, max(item, facts["item_bytes"])
    return Sizes(images, bins, item)


def list_bytes(path: str | Path) -> int:
    """Bytes of a file's neighbour lists in memory: numbers and divergences."""
    os.stat(path)  # noqa: PTH116  (as above)
    facts = _facts_of(path, "source_image")
    return 0 if facts is None else math.prod(facts["shape"]) * (FLOAT + FLOAT)


def digest_bytes(path: str | Path) -> int:
    """Bytes of the digests in a file of hashes."""
    os.stat(path)  # noqa: PTH116  (as above)
    facts = _facts_of(path, "digest")
    return 0 if facts is None else math.prod(facts["shape"]) * int(facts["item_bytes"])


def _facts_of(path: str | Path, dataset: str) -> dict[str, Any] | None:
    """What a file says of a data set at its end, which costs nothing and cannot hang.

    None of a damaged file, or an older version's: either it is made anew, or who reads it names it.
    """
    try:
        return facts_of(Path(path)).get(dataset)
    except NotAsWrittenError:
        return None


def mb_of_search(targets: Sizes, sources: Sizes, kept: int, settings: RetrievalSettings) -> int:
    """Memory of a search of one shard for ``kept`` neighbours, by the configured backend."""
    backend = search_backend(settings.backend)
    return _mb(backend.search_bytes(targets, sources, kept, settings), SEARCH_MB)


def mb_of_duplicates(heldout: Sizes, train: Sizes, kept: int) -> int:
    """Memory of `find_duplicates`, which has both parts' counts whole."""
    search = bytes_of_exact_search(heldout, kept, train.images)
    return _mb(search + 2 * train.counts, SEARCH_MB)


def mb_of_merge(targets: Sizes, sources: int, settings: RetrievalSettings) -> int:
    """Memory of `merge_neighbours`: all lists, and the exact search of the recall's sample.

    ``sources`` is how many images all shards hold.
    """
    kept = min(settings.neighbours_on_file, sources)
    lists = 6 * KEY * targets.images * kept
    sample = Sizes(min(settings.recall_sample, targets.images), targets.bins, targets.item_bytes)
    tables = 1000 * sources
    search = bytes_of_exact_search(sample, kept)
    return _mb(2 * targets.counts + lists + tables + search)


def mb_of_listing(shards: int) -> int:
    """Memory of `list_images`: 2.6 MB for 5,000 images, which a shard is meant to hold.

    How many images there are is not known before they are listed.
    """
    return LISTING_MB + 3 * shards


def mb_beside_tables(megabytes: int, table_bytes: int) -> int:
    """Memory of a job that also reads whole images.csv: two and a half times their size."""
    return megabytes + math.ceil(3 * table_bytes / MB)


def mb_of_ranking(list_bytes: int, table_bytes: int) -> int:
    """Memory of `rank_sources`, from the bytes of all lists and of all images.csv."""
    return _mb(6 * list_bytes + 6 * table_bytes)


def mb_of_index(sources: Sizes, settings: RetrievalSettings) -> int:
    """Memory of `build_index`: counts, vectors, and what the backend takes; 0 where it has none."""
    backend = search_backend(settings.backend)
    if not isinstance(backend, IndexBackend):
        return 0
    vectors = FLOAT * settings.projection_dimensions * sources.images
    projection = FLOAT * 2 * (settings.projection_dimensions + 2 * 256) * sources.bins
    index = backend.build_bytes(sources.images, settings)
    return _mb(sources.counts + 2 * vectors + projection + index)


def mb_of_projection(targets: Sizes, settings: RetrievalSettings) -> int:
    """Memory of `fit_projection`: the sample's vectors three times, and its Gram matrix."""
    sample = min(targets.images, settings.projection_sample)
    vectors = FLOAT * sample * targets.bins
    components = 2 * FLOAT * settings.projection_dimensions * targets.bins
    return _mb(2 * targets.counts + 3 * vectors + components + 4 * 8 * sample**2)


def _mb(counted: float, base: int = STAGE_MB) -> int:
    return base + math.ceil(counted / MB)
