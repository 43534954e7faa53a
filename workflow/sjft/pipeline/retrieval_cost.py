"""What each job before training costs: disk, core-seconds and memory, from how fast stages are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sjft.leakage.table import USUAL_NEIGHBOUR
from sjft.pipeline import memory, runs
from sjft.pipeline.prices import BYTES_OF_A_ROW, Collection, Price
from sjft.pipeline.resources import MB
from sjft.pipeline.speeds import Speeds
from sjft.retrieval.blocks import Sizes
from sjft.retrieval.budget import CANDIDATE_COST, candidates_per_shard, kept_per_shard
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import Work
from sjft.settings.config import Configuration
from sjft.settings.dataset import Cameras, Synthetic
from sjft.settings.retrieval import RetrievalSettings

SECONDS_OF_A_ROW = 1.2e-5  # to list it, by benchmarks/listing.py


@dataclass(frozen=True)
class RetrievalCost:
    """Prices the jobs before training, from the data sets' ``collections`` by name.

    ``speeds`` are those of each retrieval that the jobs belong to.
    """

    c: Configuration
    collections: Mapping[str, Collection]
    speeds: Mapping[str, Speeds]

    def of_bank(self, bank: str) -> Speeds:
        """Speeds of a retrieval that uses the bank."""
        return next(s for name, s in self.speeds.items() if self.c.retrievals[name].bank == bank)

    def sizes(self, names: Mapping[str, str], images: int) -> Sizes:
        """Histograms of so many images in memory."""
        speeds = self.speeds[names["retrieval"]]
        return Sizes(images, speeds.bins, speeds.item_bytes)


Names = Mapping[str, str]


##### images and descriptors #####


def _generate_images(cost: RetrievalCost, names: Names) -> Price:
    """A JPEG of noise has about a byte a pixel; to write one takes as long as to read and hash."""
    settings, speeds = cost.c.datasets[names["dataset"]], next(iter(cost.speeds.values()))
    assert isinstance(settings, (Cameras, Synthetic))
    dataset = cost.collections[names["dataset"]]
    images = dataset.train + dataset.heldout
    seconds = images * speeds.hash_seconds
    return Price(float(images * settings.size**2), seconds, MB["generate_images"])


def _list_images(cost: RetrievalCost, names: Names) -> Price:
    dataset = cost.collections[names["dataset"]]
    seconds = SECONDS_OF_A_ROW * (dataset.train + dataset.heldout)
    return Price(dataset.table_bytes, seconds, memory.mb_of_listing(dataset.shards))


def _hash_images(cost: RetrievalCost, names: Names) -> Price:
    dataset, speeds = cost.collections[names["dataset"]], next(iter(cost.speeds.values()))
    images = dataset.images(names["part"])
    mb = memory.mb_beside_tables(MB["hash_images"], dataset.table_bytes)
    return Price(images * speeds.hash_bytes, images * speeds.hash_seconds, mb)


def _extract_descriptors(cost: RetrievalCost, names: Names) -> Price:
    dataset, speeds = cost.collections[names["dataset"]], cost.of_bank(names["bank"])
    images = dataset.images(names["part"])
    mb = memory.mb_beside_tables(MB["extract_descriptors"], dataset.table_bytes)
    return Price(images * speeds.descriptor_bytes, images * speeds.extract_seconds, mb)


def _build_histograms(cost: RetrievalCost, names: Names) -> Price:
    speeds = cost.speeds[names["retrieval"]]
    images = cost.collections[names["dataset"]].images(names["part"])
    seconds = images * speeds.histogram_seconds
    return Price(images * speeds.histogram_bytes, seconds, MB["build_histograms"])


def _equalise_bins(cost: RetrievalCost, names: Names) -> Price:
    """All counts of the target are added up once, as for its histograms."""
    speeds, target = cost.speeds[names["retrieval"]], cost.collections[names["target"]]
    seconds = target.train * speeds.histogram_seconds
    return Price(4.0 * speeds.bins, seconds, MB["equalise_bins"])


##### index #####


def _fit_projection(cost: RetrievalCost, names: Names) -> Price:
    settings, speeds = cost.c.retrievals[names["retrieval"]], cost.speeds[names["retrieval"]]
    target = cost.sizes(names, cost.collections[names["target"]].train)
    sample = min(target.images, settings.projection_sample)
    # The Gram matrix is half as long a product as the divergences of all pairs.
    seconds = sample**2 * speeds.exact_seconds / 2 + target.images * speeds.read_seconds
    disk = 4 * (settings.projection_dimensions + 1) * target.bins
    return Price(disk, seconds, memory.mb_of_projection(target, settings))


def _build_index(cost: RetrievalCost, names: Names) -> Price:
    settings, speeds = cost.c.retrievals[names["retrieval"]], cost.speeds[names["retrieval"]]
    source = cost.collections[names["source"]]
    images = source.images("train")
    seconds = speeds.read_seconds + speeds.projection_seconds + speeds.index_seconds
    mb = memory.mb_of_index(cost.sizes(names, source.a_shard), settings)
    return Price(images * speeds.index_bytes, images * seconds, mb)


##### searches #####


def _find_leakage(cost: RetrievalCost, names: Names) -> Price:
    settings, speeds = cost.c.retrievals[names["retrieval"]], cost.speeds[names["retrieval"]]
    heldout, source = cost.collections[names["target"]].heldout, cost.collections[names["source"]]
    factor = search_backend(settings.backend).candidates_factor(settings)
    wanted = candidates_per_shard(USUAL_NEIGHBOUR, source.a_shard, 1, factor)
    seconds = heldout * source.images("train") * speeds.compare_seconds
    seconds += _search_seconds(heldout, source, wanted, settings, speeds)
    shard = cost.sizes(names, source.a_shard)
    mb = memory.mb_of_search(cost.sizes(names, heldout), shard, USUAL_NEIGHBOUR, settings)
    return Price(8.0 * heldout * USUAL_NEIGHBOUR, seconds, mb)


def _search_shard(cost: RetrievalCost, names: Names) -> Price:
    settings, speeds = cost.c.retrievals[names["retrieval"]], cost.speeds[names["retrieval"]]
    target, source = cost.collections[names["target"]], cost.collections[names["source"]]
    sizes = settings.neighbours_on_file, source.a_shard, source.shards
    kept = kept_per_shard(*sizes)
    factor = search_backend(settings.backend).candidates_factor(settings)
    wanted = candidates_per_shard(*sizes, factor)
    seconds = _search_seconds(target.train, source, wanted, settings, speeds)
    targets, shard = cost.sizes(names, target.train), cost.sizes(names, source.a_shard)
    mb = memory.mb_of_search(targets, shard, kept, settings)
    return Price(8.0 * target.train * kept, seconds, mb)


def _search_seconds(
    targets: int, source: Collection, candidates: int, retrieval: RetrievalSettings, speeds: Speeds
) -> float:
    """Core-seconds of one shard's search."""
    shard = source.a_shard
    reading = shard * speeds.read_seconds
    wanted = min(candidates, shard)
    compared = min(CANDIDATE_COST * wanted, shard)
    work = Work(
        exact=reading + targets * shard * speeds.exact_seconds,
        ranking=reading + targets * compared * speeds.exact_seconds,
        projecting=shard * speeds.projection_seconds,
        asking=targets * wanted * speeds.query_seconds,
        pairs=targets * shard,
    )
    return search_backend(retrieval.backend).search_seconds(work)


def _find_duplicates(cost: RetrievalCost, names: Names) -> Price:
    """All pairs of the target's held-out and training images, by hash and by divergence."""
    speeds, target = cost.speeds[names["retrieval"]], cost.collections[names["target"]]
    pairs = target.heldout * target.train
    seconds = pairs * (speeds.compare_seconds + speeds.exact_seconds)
    seconds += (target.heldout + target.train) * speeds.read_seconds
    heldout, train = (cost.sizes(names, images) for images in (target.heldout, target.train))
    return Price(0.0, seconds, memory.mb_of_duplicates(heldout, train, USUAL_NEIGHBOUR))


##### all shards together #####


def _merge_leakage(cost: RetrievalCost, names: Names) -> Price:
    """Each shard's few nearest of each held-out image."""
    target, source = cost.collections[names["target"]], cost.collections[names["source"]]
    found = 8.0 * target.heldout * USUAL_NEIGHBOUR * source.shards
    read = found + target.table_bytes + source.table_bytes
    read += target.heldout * cost.speeds[names["retrieval"]].histogram_bytes
    return Price(0.0, 1e-8 * read, MB["merge_leakage"] + int(10 * read / (1024 * 1024)))


def _merge_neighbours(cost: RetrievalCost, names: Names) -> Price:
    settings, speeds = cost.c.retrievals[names["retrieval"]], cost.speeds[names["retrieval"]]
    target, source = cost.collections[names["target"]], cost.collections[names["source"]]
    sample = min(settings.recall_sample, target.train)
    seconds = source.train * (speeds.read_seconds + sample * speeds.exact_seconds)
    mb = memory.mb_of_merge(cost.sizes(names, target.train), source.train, settings)
    return Price(_list_bytes(target, source, settings), seconds, mb)


def _rank_sources(cost: RetrievalCost, names: Names) -> Price:
    settings, target = cost.c.retrievals[names["retrieval"]], cost.collections[names["target"]]
    sources = [cost.collections[name] for name in runs.sources_named(names["sources"])]
    lists = [_list_bytes(target, source, settings) for source in sources]
    tables = BYTES_OF_A_ROW * sum(source.train for source in sources)
    mb = memory.mb_of_ranking(int(sum(lists)), tables)
    return Price(lists[0], 1e-8 * sum(lists), mb)


def _list_bytes(target: Collection, source: Collection, settings: RetrievalSettings) -> float:
    return 8.0 * target.train * min(settings.neighbours_on_file, source.train)


PRICES: Mapping[str, Callable[[RetrievalCost, Names], Price]] = {
    "generate_images": _generate_images,
    "list_images": _list_images,
    "hash_images": _hash_images,
    "extract_descriptors": _extract_descriptors,
    "equalise_bins": _equalise_bins,
    "build_histograms": _build_histograms,
    "fit_projection": _fit_projection,
    "build_index": _build_index,
    "find_leakage": _find_leakage,
    "merge_leakage": _merge_leakage,
    "find_duplicates": _find_duplicates,
    "search_shard": _search_shard,
    "merge_neighbours": _merge_neighbours,
    "rank_sources": _rank_sources,
}
