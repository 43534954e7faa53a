"""What each job before training costs: disk, core-seconds and memory, from how fast stages are."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sjft.layout import Job
from sjft.leakage.copies import USUAL_NEIGHBOUR
from sjft.pipeline import memory, runs
from sjft.pipeline.resources import MB
from sjft.pipeline.speeds import Speeds
from sjft.retrieval.blocks import Sizes
from sjft.retrieval.budget import CANDIDATE_COST, candidates_per_shard, kept_per_shard
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import Work
from sjft.settings.config import Configuration
from sjft.settings.retrieval import RetrievalSettings

BYTES_OF_A_ROW = 120  # of images.csv


@dataclass(frozen=True)
class Collection:
    """A data set in a plan: how many images, in how many shards, and where they are, if here.

    ``by_split`` and ``classes`` are empty and 0 where numbers alone were given. ``left_out`` says
    in words what was found there and is not in the list.
    """

    name: str
    train: int
    heldout: int
    shards: int
    by_split: Mapping[str, int] = field(default_factory=dict)
    classes: int = 0
    root: Path | None = None
    paths: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def a_shard(self) -> int:
        """Training images of its largest shard."""
        return -(-self.train // self.shards)

    def images(self, part: str) -> float:
        """Images of a part's shard, on average."""
        return (self.train if part == "train" else self.heldout) / self.shards

    @property
    def table_bytes(self) -> int:
        """Of its images.csv."""
        return BYTES_OF_A_ROW * (self.train + self.heldout)


@dataclass(frozen=True)
class Price:
    """What one job costs: bytes on disk, core-seconds, and megabytes of memory."""

    disk: float
    seconds: float
    memory: int


@dataclass(frozen=True)
class Stage:
    """A rule's part of a plan: jobs, bytes on disk, core-seconds, and memory of its largest job."""

    rule: str
    jobs: int
    disk: float
    seconds: float
    memory: int


@dataclass(frozen=True)
class RetrievalCost:
    """Prices the jobs before training, from the data sets' ``collections`` by name.

    ``speeds`` are those of each retrieval that the jobs belong to.
    """

    c: Configuration
    collections: Mapping[str, Collection]
    speeds: Mapping[str, Speeds]

    def stages(self, jobs: Iterable[Job]) -> Iterator[Stage]:
        """The jobs that have a price, by rule in the data's order."""
        found: dict[str, list[Price]] = {rule: [] for rule in PRICES}
        for job in jobs:
            if job.rule in PRICES:
                found[job.rule].append(PRICES[job.rule](self, job.names))
        for rule, prices in found.items():
            if prices:
                disk, seconds = sum(p.disk for p in prices), sum(p.seconds for p in prices)
                yield Stage(rule, len(prices), disk, seconds, max(p.memory for p in prices))

    def of_bank(self, bank: str) -> Speeds:
        """Speeds of a retrieval that uses the bank."""
        return next(s for name, s in self.speeds.items() if self.c.retrievals[name].bank == bank)

    def sizes(self, names: Mapping[str, str], images: int) -> Sizes:
        """Histograms of so many images in memory."""
        speeds = self.speeds[names["retrieval"]]
        return Sizes(images, speeds.bins, speeds.item_bytes)


Names = Mapping[str, str]


##### images and descriptors #####


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


##### all shards together #####


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


# By rule; the jobs of others take no time worth counting.
PRICES: Mapping[str, Callable[[RetrievalCost, Names], Price]] = {
    "hash_images": _hash_images,
    "extract_descriptors": _extract_descriptors,
    "build_histograms": _build_histograms,
    "fit_projection": _fit_projection,
    "build_index": _build_index,
    "find_leakage": _find_leakage,
    "search_shard": _search_shard,
    "merge_neighbours": _merge_neighbours,
    "rank_sources": _rank_sources,
}
