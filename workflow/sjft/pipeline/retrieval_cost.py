"""What the stages before training cost: jobs, disk, core-seconds and memory, rule by rule."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sjft.leakage.copies import USUAL_NEIGHBOUR
from sjft.pipeline import memory
from sjft.pipeline.speeds import Speeds
from sjft.retrieval.blocks import Sizes
from sjft.retrieval.budget import CANDIDATE_COST, candidates_per_shard, kept_per_shard
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import IndexBackend, Work
from sjft.settings.retrieval import RetrievalSettings

BYTES_OF_A_ROW = 120  # of images.csv


@dataclass(frozen=True)
class Collection:
    """A data set in a plan: how many pictures, in how many shards, and where they are, if here.

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
        """Training images of a shard, on average."""
        return -(-self.train // self.shards)


@dataclass(frozen=True)
class Stage:
    """A rule's part of a plan: jobs, bytes on disk, core-seconds, and memory of its largest job."""

    rule: str
    jobs: int
    disk: float
    seconds: float
    memory: int


def stages_of(
    target: Collection, sources: Sequence[Collection], retrieval: RetrievalSettings, speeds: Speeds
) -> Iterator[Stage]:
    """The stages up to the ranking, in their order."""
    checked = retrieval.leakage.check
    heldout = target.heldout if checked else 0
    images = target.train + heldout + sum(source.train for source in sources)
    jobs = target.shards * (2 if checked else 1) + sum(source.shards for source in sources)
    largest = max(source.a_shard for source in sources)
    a_list = Sizes(target.train, speeds.bins, speeds.item_bytes)
    a_shard = Sizes(largest, speeds.bins, speeds.item_bytes)
    table = BYTES_OF_A_ROW * max(part.train + part.heldout for part in (target, *sources))
    if checked:
        hashing = images * speeds.hash_seconds
        mb = memory.mb_beside_tables(800, table)
        yield Stage("hash_images", jobs, images * speeds.hash_bytes, hashing, mb)
    extracting = images * speeds.extract_seconds
    mb = memory.mb_beside_tables(1500, table)
    yield Stage("extract_descriptors", jobs, images * speeds.descriptor_bytes, extracting, mb)
    counting = images * speeds.histogram_seconds
    yield Stage("build_histograms", jobs, images * speeds.histogram_bytes, counting, 1000)
    yield from _index_stages(a_list, a_shard, sources, retrieval, speeds)
    if checked:
        yield _leakage_stage(heldout, a_shard, sources, retrieval, speeds)
    yield from _search_stages(a_list, a_shard, sources, retrieval, speeds)


def _index_stages(
    target: Sizes,
    shard: Sizes,
    sources: Sequence[Collection],
    retrieval: RetrievalSettings,
    speeds: Speeds,
) -> Iterator[Stage]:
    backend = search_backend(retrieval.backend)
    if not backend.needs_projection:
        return
    sample = min(target.images, retrieval.projection_sample)
    # The Gram matrix is half as long a product as the divergences of all pairs.
    fitting = sample**2 * speeds.exact_seconds / 2 + target.images * speeds.read_seconds
    disk = 4 * (retrieval.projection_dimensions + 1) * target.bins
    mb = memory.mb_of_projection(target, retrieval)
    yield Stage("fit_projection", 1, disk, fitting, mb)
    if isinstance(backend, IndexBackend):
        images = sum(source.train for source in sources)
        seconds = speeds.read_seconds + speeds.projection_seconds + speeds.index_seconds
        mb = memory.mb_of_index(shard, retrieval)
        jobs = sum(source.shards for source in sources)
        yield Stage("build_index", jobs, images * speeds.index_bytes, images * seconds, mb)


def _leakage_stage(
    heldout: int,
    shard: Sizes,
    sources: Sequence[Collection],
    retrieval: RetrievalSettings,
    speeds: Speeds,
) -> Stage:
    factor = search_backend(retrieval.backend).candidates_factor(retrieval)
    wanted = candidates_per_shard(USUAL_NEIGHBOUR, shard.images, 1, factor)
    seconds = sum(
        heldout * source.train * speeds.compare_seconds
        + source.shards * _search_seconds(heldout, source, wanted, retrieval, speeds)
        for source in sources
    )
    sizes = Sizes(heldout, shard.bins, shard.item_bytes)
    mb = memory.mb_of_search(sizes, shard, USUAL_NEIGHBOUR, retrieval)
    jobs = sum(source.shards for source in sources)
    return Stage("find_leakage", jobs, 8.0 * heldout * USUAL_NEIGHBOUR * jobs, seconds, mb)


def _search_stages(
    target: Sizes,
    shard: Sizes,
    sources: Sequence[Collection],
    retrieval: RetrievalSettings,
    speeds: Speeds,
) -> Iterator[Stage]:
    seconds = disk = 0.0
    factor = search_backend(retrieval.backend).candidates_factor(retrieval)
    for source in sources:
        sizes = retrieval.neighbours_on_file, source.a_shard, source.shards
        wanted = candidates_per_shard(*sizes, factor)
        seconds += source.shards * _search_seconds(target.images, source, wanted, retrieval, speeds)
        disk += 8.0 * target.images * kept_per_shard(*sizes) * source.shards
    kept = max(kept_per_shard(retrieval.neighbours_on_file, s.a_shard, s.shards) for s in sources)
    jobs = sum(source.shards for source in sources)
    mb = memory.mb_of_search(target, shard, kept, retrieval)
    yield Stage("search_shard", jobs, disk, seconds, mb)
    images = sum(source.train for source in sources)
    sample = min(retrieval.recall_sample, target.images)
    seconds = images * (speeds.read_seconds + sample * speeds.exact_seconds)
    lists = [8.0 * target.images * min(retrieval.neighbours_on_file, s.train) for s in sources]
    mb = max(memory.mb_of_merge(target, source.train, retrieval) for source in sources)
    yield Stage("merge_neighbours", len(sources), sum(lists), seconds, mb)
    mb = memory.mb_of_ranking(int(sum(lists)), BYTES_OF_A_ROW * images)
    yield Stage("rank_sources", 1, lists[0], 1e-8 * sum(lists), mb)


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
