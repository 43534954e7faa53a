"""What an experiment will cost, before the run: jobs, disk, core-hours, memory, by stage."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sjft import memory
from sjft.errors import UserError
from sjft.images_table import of_part
from sjft.leakage import USUAL_NEIGHBOUR
from sjft.listing import list_images
from sjft.memory import Sizes
from sjft.omissions import Omissions
from sjft.requirements import missing_parts
from sjft.settings.bank import CnnBank
from sjft.settings.config import Configuration, read_configuration
from sjft.settings.dataset import Cameras, DatasetSettings, Synthetic
from sjft.settings.quoting import shortened
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.weights import FileWeights, RandomWeights, TorchvisionWeights
from sjft.settings.yaml_file import read_yaml
from sjft.shard_lists import CANDIDATE_COST, candidates_per_shard, kept_per_shard
from sjft.stage_speeds import Speeds, make_pictures, measure_speeds

DEFAULT_CONFIG = Path("config/config.yaml")
GB = 1e9
BYTES_OF_A_ROW = 120  # of images.csv


@dataclass(frozen=True)
class Collection:
    """A data set in a plan: how many pictures, in how many shards, and where they are, if here.

    ``left_out`` says in words what was found there and is not in the list.
    """

    name: str
    train: int
    heldout: int
    shards: int
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


def read_plan_configuration(files: Sequence[Path], data_root: str | None) -> Configuration:
    """The configuration as `snakemake` would read it: the default file, then further ones.

    Raises `UserError` for files that are missing or no YAML, and for wrong keys.
    """
    values: dict[str, Any] = {}
    for path in (DEFAULT_CONFIG, *files):
        if path == DEFAULT_CONFIG and not path.exists():
            raise UserError(
                f"{path}: there is no such file. Call `sjft plan` in the folder of the Snakefile."
            )
        values = _merged(values, read_yaml(path))
    return read_configuration(values, data_root=data_root or os.environ.get("SJFT_DATA_ROOT"))


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    both = {
        key: _merged(values[key], new) if isinstance(values.get(key), dict) else new
        for key, new in changes.items()
        if isinstance(new, dict)
    }
    return {**values, **changes, **both}


def plan(
    configuration: Configuration,
    name: str,
    *,
    target_images: int | None = None,
    heldout_images: int | None = None,
    source_images: Sequence[int] = (),
    sample: int = 24,
) -> str:
    """The plan of an experiment as text.

    Numbers of images that are given stand for data that is not here; the others are counted by
    the readers. Raises `UserError` for an unknown experiment, and for data that is neither here
    nor given.
    """
    if name not in configuration.experiments:
        known = ", ".join(configuration.experiments)
        raise UserError(f"There is no experiment `{shortened(name)}`. Allowed: {known}.")
    experiment = configuration.experiments[name]
    retrieval = configuration.retrievals[experiment.retrieval]
    if source_images and len(source_images) != len(experiment.sources):
        raise UserError(
            f"--source-images: {len(source_images)} numbers are given; `{name}` has the sources "
            f"{', '.join(experiment.sources)}. Give one number for each."
        )
    if target_images is not None and heldout_images is None:
        heldout_images = target_images // 4  # as in Indoor 67
    target = count_images(configuration, experiment.target, target_images, heldout_images)
    given = dict(zip(experiment.sources, source_images, strict=False))
    sources = [
        count_images(configuration, source, given.get(source), 0) for source in experiment.sources
    ]
    speeds, measured_on = _measure(configuration, retrieval, [target, *sources], sample)
    stages = list(stages_of(target, sources, retrieval, speeds))
    runs = len(set(experiment.publish.compare) | {experiment.publish.arm})
    training = (
        f"Training is not in it: {experiment.rounds} rounds of {experiment.training.updates} "
        f"updates of {experiment.training.target_batch * experiment.training.accumulate} target "
        f"images and as many source images, in {runs * len(experiment.seeds)} runs."
    )
    counted = "\n".join(_line(part) for part in (target, *sources))
    return f"{counted}\n{measured_on}\n\n{_table(stages)}\n\n{training}"


def count_images(
    configuration: Configuration, name: str, train: int | None, heldout: int | None = None
) -> Collection:
    """Count a data set's images by its reader, or take the numbers that are given."""
    settings = configuration.datasets[name]
    if train is not None:
        return Collection(name, train, heldout or 0, settings.shards)
    if isinstance(settings, Synthetic):
        numbers = {k: n * len(settings.contents) for k, n in settings.per_class.items()}
        heldout = sum(numbers.values()) - numbers["train"]
        return Collection(name, numbers["train"], heldout, settings.shards)
    if isinstance(settings, Cameras):  # counted, and measured, by the photographs themselves
        settings = settings.originals()
    return _listed(name, settings, Path(configuration.data_root) / settings.root)


def _listed(name: str, settings: DatasetSettings, root: Path) -> Collection:
    assert not isinstance(settings, Synthetic)
    if missing := list(missing_parts(settings, root)):
        raise UserError(
            f"data set `{name}`: {', '.join(missing)}. Give --data-root, or numbers: "
            "--target-images N and --source-images N."
        )
    omissions = Omissions()
    table = list_images(settings, root, omissions=omissions)
    train = of_part(table, "train")
    some = train[:: max(1, len(train) // 1000)]
    paths = tuple(some["path"].to_list())
    left_out, heldout = tuple(omissions.lines()), len(table) - len(train)
    return Collection(name, len(train), heldout, settings.shards, root, paths, left_out)


def _measure(
    configuration: Configuration,
    retrieval: RetrievalSettings,
    collections: Sequence[Collection],
    sample: int,
) -> tuple[Speeds, str]:
    """Measure on pictures of the last data set that is here: a source's, where there is one."""
    bank = configuration.banks[retrieval.bank]
    weights = bank.weights if isinstance(bank, CnnBank) else RandomWeights(source="random")
    file: Path | None = None
    if isinstance(weights, FileWeights):
        file = Path(configuration.data_root) / weights.path
    elif isinstance(weights, TorchvisionWeights) and isinstance(bank, CnnBank):
        file = Path("results/weights") / f"{bank.network}-{weights.name}.pth"
    found = file if file is not None and file.is_file() else None
    note = "" if found == file else ", with random weights, which cost as much"
    here = [collection for collection in collections if collection.root is not None]
    with tempfile.TemporaryDirectory() as scratch:
        if here:
            root, paths = here[-1].root, list(here[-1].paths)
            paths = paths[:: max(1, len(paths) // sample)][:sample]
            what = f"{len(paths)} pictures of {here[-1].name}"
        else:
            root, paths = Path(scratch), make_pictures(Path(scratch), sample)
            what = f"{len(paths)} made pictures of ImageNet's usual size"
        assert root is not None
        speeds = measure_speeds(root, paths, bank, found, retrieval)
    return speeds, f"Measured on {what}{note}."


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
    if retrieval.backend == "exact":
        return
    sample = min(target.images, retrieval.projection_sample)
    # The Gram matrix is half as long a product as the divergences of all pairs.
    fitting = sample**2 * speeds.exact_seconds / 2 + target.images * speeds.read_seconds
    disk = 4 * (retrieval.projection_dimensions + 1) * target.bins
    mb = memory.mb_of_projection(target, retrieval)
    yield Stage("fit_projection", 1, disk, fitting, mb)
    if retrieval.backend == "annoy":
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
    factor = retrieval.annoy.candidates_factor
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
    for source in sources:
        sizes = retrieval.neighbours_on_file, source.a_shard, source.shards
        wanted = candidates_per_shard(*sizes, retrieval.annoy.candidates_factor)
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
    exact = reading + targets * shard * speeds.exact_seconds
    wanted = min(candidates, shard)
    compared = min(CANDIDATE_COST * wanted, shard)
    ranking = reading + targets * compared * speeds.exact_seconds
    flat = ranking + shard * speeds.projection_seconds + targets * shard * 1e-8
    chosen = {
        "exact": exact,
        "annoy": ranking + targets * wanted * speeds.query_seconds,
        "flat": flat,
        "auto": min(flat, exact),
    }
    return chosen[retrieval.backend]


def _line(part: Collection) -> str:
    heldout = f", {part.heldout:,} held out" if part.heldout else ""
    counted = f"{part.name}: {part.train:,} training images in {part.shards} shards{heldout}."
    return "\n".join([counted, *(f"  left out: {line}" for line in part.left_out)])


def _table(stages: Sequence[Stage]) -> str:
    """Markdown, with a line of totals."""
    lines = ["| stage | jobs | on disk, GB | core-hours | MB a job |", "| --- " * 5 + "|"]
    for s in stages:
        lines.append(
            f"| {s.rule} | {s.jobs} | {s.disk / GB:.3f} | {s.seconds / 3600:.3f} | {s.memory} |"
        )
    disk, seconds = sum(s.disk for s in stages), sum(s.seconds for s in stages)
    lines.append(
        f"| all | {sum(s.jobs for s in stages)} | {disk / GB:.3f} | {seconds / 3600:.3f} | "
        f"{max(s.memory for s in stages)} |"
    )
    return "\n".join(lines)
