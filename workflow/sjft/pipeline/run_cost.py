"""What the jobs of runs cost beside training, and those of the pages that show them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from sjft.layout import MEASURED, NOT_MEASURED, Job
from sjft.pipeline import memory, runs
from sjft.pipeline.prices import BYTES_OF_A_ROW, Collection, Price, Stage
from sjft.pipeline.resources import MB, mb_of_publishing
from sjft.pipeline.retrieval_cost import PRICES, Names, RetrievalCost
from sjft.pipeline.training_cost import RULES_OF_TRAINING, TrainingCost
from sjft.reports.report_page.data_sections import EXAMPLES, PAIRS

# What the network takes is not known: their jobs are counted, and have no time.
OF_THE_NETWORK = ("fetch_dataset", "fetch_weights")
# As the pages of the demo and of made images have them: a thumbnail, and a neighbour in a list.
BYTES_OF_TARGET, BYTES_OF_SOURCE, BYTES_OF_NEIGHBOUR = 9000, 3500, 60
BYTES_OF_REPORT = 300_000
BYTES_OF_PAIR = 100  # in pairs.csv
MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class ExperimentCost:
    """Prices any job of an experiment: before training, of training, and after it."""

    retrieval: RetrievalCost
    training: TrainingCost

    def price(self, job: Job) -> Price | None:
        """What a job costs; None where the network says it."""
        if job.rule in OF_THE_NETWORK:
            return None
        if job.rule in RULES_OF_TRAINING:
            return self.training.price(job)
        if job.rule in PRICES:
            return PRICES[job.rule](self.retrieval, job.names)
        return RUN_PRICES[job.rule](self, job.names)

    def stages(self, jobs: Iterable[Job]) -> Iterator[Stage]:
        """The jobs that have a price, by rule in the data's order."""
        found: dict[str, list[Price]] = {rule: [] for rule in (MEASURED | NOT_MEASURED)}
        for job in jobs:
            price = self.price(job)
            if price is not None:
                found[job.rule].append(price)
        for rule, prices in found.items():
            if prices:
                disk, seconds = sum(p.disk for p in prices), sum(p.seconds for p in prices)
                yield Stage(rule, len(prices), disk, seconds, max(p.memory for p in prices))

    @property
    def target(self) -> Collection:
        """The target's images."""
        return self.retrieval.collections[self.training.experiment.target]

    @property
    def sources(self) -> list[Collection]:
        """Each source's."""
        return [self.retrieval.collections[name] for name in self.training.experiment.sources]

    @property
    def source_images(self) -> int:
        """Training images of all sources."""
        return sum(source.train for source in self.sources)

    @property
    def seconds_of_image(self) -> float:
        """Of reading an image and making it small: as long as hashing one."""
        return next(iter(self.retrieval.speeds.values())).hash_seconds

    def beside(self, rule: str, read: float, times: float) -> int:
        """Megabytes of a job that takes so many times the bytes that it reads."""
        return MB[rule] + int(times * read / MEGABYTE)

    def listed(self, retrieval: str) -> int:
        """Neighbours of each target image in the ranking of all sources."""
        settings = self.retrieval.c.retrievals[retrieval]
        return min(settings.neighbours_on_file, self.source_images)


##### selection #####


def _tables(cost: ExperimentCost) -> int:
    return sum(part.table_bytes for part in (cost.target, *cost.sources))


def _borrowed(cost: ExperimentCost, arm: str) -> int:
    """Source images that each target image brings in the first round; hard ones bring more."""
    found = runs.arm_of(cost.retrieval.c, cost.training.name, arm)
    most = cost.listed(found.retrieval)
    return min(found.selection.initial_neighbours, most) if found.selects else 0


def _select_subset(cost: ExperimentCost, names: Names) -> Price:
    arm = runs.arm_of(cost.retrieval.c, cost.training.name, names["arm"])
    brought = _borrowed(cost, names["arm"]) * cost.target.train
    used = min(brought, cost.source_images) if arm.selects else cost.source_images
    used = used if arm.with_sources else 0
    pairs = cost.target.train * cost.listed(arm.retrieval) if arm.selects else 0
    disk = BYTES_OF_A_ROW * (used + cost.target.train)
    read = _tables(cost) + 5 * pairs
    return Price(disk, 1e-6 * (used + cost.source_images), cost.beside("select_subset", read, 6))


def _list_pairs(cost: ExperimentCost, names: Names) -> Price:
    brought = _borrowed(cost, names["arm"]) * cost.target.train
    arm = runs.arm_of(cost.retrieval.c, cost.training.name, names["arm"])
    read = 5 * cost.target.train * cost.listed(arm.retrieval)
    return Price(BYTES_OF_PAIR * brought, 2e-6 * brought, cost.beside("list_pairs", read, 60))


##### results #####


def _at_once(rule: str) -> Callable[[ExperimentCost, Names], Price]:
    """Of a job that takes no longer than its start."""
    return lambda cost, names: Price(0.0, 0.0, MB[rule])


def _summarise(cost: ExperimentCost, names: Names) -> Price:
    tables = sum(source.table_bytes for source in cost.sources)
    return Price(0.0, 0.0, memory.mb_beside_tables(MB["summarise"], tables))


def _publish(cost: ExperimentCost, names: Names) -> Price:
    return Price(
        cost.training.model_bytes, 0.0, mb_of_publishing(cost.retrieval.c, cost.training.name)
    )


##### pages #####


def _explore(cost: ExperimentCost, names: Names) -> Price:
    """Thumbnails and lists, and a look at all histograms of the source."""
    c = cost.retrieval.c
    settings, rankings = c.explorer, len(cost.retrieval.speeds)
    targets = min(settings.targets, cost.target.train)
    sources = min(settings.thumbnails, cost.source_images)
    speeds = next(iter(cost.retrieval.speeds.values()))
    lists = BYTES_OF_NEIGHBOUR * targets * settings.neighbours * rankings
    seconds = (targets + sources) * cost.seconds_of_image
    seconds += cost.source_images * speeds.read_seconds * rankings
    read = _tables(cost) + rankings * cost.target.train * (
        speeds.histogram_bytes + 5 * cost.listed(cost.training.experiment.retrieval)
    )
    disk = BYTES_OF_TARGET * targets + BYTES_OF_SOURCE * sources + lists
    return Price(disk, seconds, cost.beside("explore", read, 12))


def _describe(cost: ExperimentCost, names: Names) -> Price:
    """A few images of each data set, and what may be found of copies; else tables and text."""
    datasets = 1 + len(cost.sources)
    images = EXAMPLES * datasets + 2 * PAIRS * datasets
    listed = cost.listed(cost.training.experiment.retrieval)
    read = _tables(cost) + 5 * cost.target.train * listed
    return Price(BYTES_OF_REPORT, images * cost.seconds_of_image, cost.beside("describe", read, 12))


RUN_PRICES: Mapping[str, Callable[[ExperimentCost, Names], Price]] = {
    "select_subset": _select_subset,
    "list_pairs": _list_pairs,
    "choose": _at_once("choose"),
    "summarise": _summarise,
    "publish": _publish,
    "ablate": _at_once("ablate"),
    "explore": _explore,
    "describe": _describe,
}
