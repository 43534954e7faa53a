"""What an experiment will cost, before the run: jobs, disk, core-hours, memory, time."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sjft.data.listing import list_images
from sjft.data.omissions import Omissions
from sjft.data.table import of_part
from sjft.errors import UserError
from sjft.fetch.missing import missing_parts
from sjft.layout import WEIGHTS
from sjft.pipeline import runs
from sjft.pipeline.expected_time import keep_forecast
from sjft.pipeline.experiment_time import Forecast, seconds_of_start, usable_cores
from sjft.pipeline.jobs import jobs_of_model
from sjft.pipeline.retrieval_cost import Collection, RetrievalCost, Stage
from sjft.pipeline.speeds import Speeds, make_images, measure_speeds
from sjft.pipeline.training_cost import TrainingCost, TrainingSpeeds, measure_training
from sjft.settings.banks.common import FilterBankSettings
from sjft.settings.config import Configuration, read_configuration, unknown_experiment
from sjft.settings.dataset import Cameras, DatasetSettings, Synthetic
from sjft.settings.merging import CONFIG_FILE, merged_values, shipped_file
from sjft.settings.splits import VALIDATION_SPLIT
from sjft.settings.weights import FileWeights, TorchvisionWeights
from sjft.storage import markdown

GB = 1e9
# Of a training, what decides neither how long an update takes nor an image that is scored.
COSTS_NOTHING = (
    *("weights", "updates", "learning_rate", "schedule", "learning_rate_steps", "warm_up_updates"),
    *("momentum", "weight_decay", "head_learning_rate_factor", "target_loss_weight"),
    *("source_head_learning_rate_factor", "source_loss_weight", "source_head"),
    *("source_head_classes", "mean", "std", "log_every", "most_of_a_class"),
    *("layer_wise_decay", "label_smoothing"),
)
SPLITS_HELD_OUT = ("val", "test")
# Of data that is not here: as the paper's targets, and ImageNet.
USUAL_CLASSES = (100, 1000)


def read_plan_configuration(files: Sequence[Path], data_root: str | None) -> Configuration:
    """The configuration as `snakemake` in this folder would read it (see `sjft.settings.merging`).

    Raises `UserError` for files that are missing or no YAML, and for wrong keys.
    """
    changes = {} if data_root is None else {"data_root": data_root}
    return read_configuration(merged_values((shipped_file(), CONFIG_FILE), files, changes))


def plan(
    configuration: Configuration,
    name: str,
    *,
    target_images: int | None = None,
    heldout_images: int | None = None,
    source_images: Sequence[int] = (),
    sample: int = 24,
) -> str:
    """The plan of an experiment as text; of data that is here, it is kept for a run's progress.

    Numbers of images that are given stand for data that is not here; the others are counted by
    the readers. Raises `UserError` for an unknown experiment, and for data that is neither here
    nor given.
    """
    if name not in configuration.experiments:
        raise UserError(unknown_experiment(name, configuration))
    experiment = configuration.experiments[name]
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
    collections = {part.name: part for part in (target, *sources)}
    with images_of(list(collections.values()), sample) as images:
        retrieval, weights = retrieval_speeds(configuration, name, images)
        training = training_speeds(configuration, name, collections, images)
    forecast = forecast_of(configuration, name, collections, retrieval, training)
    if target_images is None and not source_images:
        keep_forecast(name, forecast.of_jobs())
    measured = f"Measured on {images.words}{weights}."
    return plan_text(list(collections.values()), measured, forecast)


def plan_text(collections: Sequence[Collection], measured: str, forecast: Forecast) -> str:
    """What there is, what it was measured on, the table of stages, and how long all takes."""
    counted = "\n".join(_line(part) for part in collections)
    return f"{counted}\n{measured}\n\n{_table(forecast.rows())}\n\n{forecast.text()}"


def count_images(
    configuration: Configuration, name: str, train: int | None, heldout: int | None = None
) -> Collection:
    """Count a data set's images by its reader, or take the numbers that are given."""
    settings = configuration.datasets[name]
    if train is not None:
        return Collection(name, train, heldout or 0, settings.shards)
    if isinstance(settings, Synthetic):
        numbers: dict[str, int] = {
            k: n * len(settings.contents) for k, n in settings.per_class.items()
        }
        heldout = sum(numbers.values()) - numbers["train"]
        classes = len(settings.contents)
        return Collection(name, numbers["train"], heldout, settings.shards, numbers, classes)
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
    numbers = dict(table["split"].value_counts().iter_rows())
    heldout, classes = len(table) - len(train), table["label"].n_unique()
    return Collection(
        *(name, len(train), heldout, settings.shards, numbers, classes, root, paths),
        left_out=tuple(omissions.lines()),
    )


@dataclass(frozen=True)
class CountedImages:
    """Images to measure on, below ``root``, and in ``words`` what they are."""

    root: Path
    paths: list[str]
    words: str


@contextmanager
def images_of(collections: Sequence[Collection], sample: int) -> Iterator[CountedImages]:
    """Some of the last data set that is here: a source's, where there is one. Else made ones."""
    here = [collection for collection in collections if collection.root is not None]
    with tempfile.TemporaryDirectory() as scratch:
        if here and here[-1].root is not None:
            paths = list(here[-1].paths)
            paths = paths[:: max(1, len(paths) // sample)][:sample]
            yield CountedImages(here[-1].root, paths, f"{len(paths)} images of {here[-1].name}")
        else:
            paths = make_images(Path(scratch), sample)
            words = f"{len(paths)} made images of ImageNet's usual size"
            yield CountedImages(Path(scratch), paths, words)


def retrieval_speeds(
    c: Configuration, name: str, images: CountedImages
) -> tuple[dict[str, Speeds], str]:
    """The stages before training, measured for each retrieval that the experiment's model needs.

    The text is what is to be said of the banks' weights, where they are not here.
    """
    of_jobs = [job.names.get("retrieval") for job in jobs_of_model(c, name)]
    speeds, absent = {}, False
    for retrieval in dict.fromkeys(found for found in of_jobs if found is not None):
        settings = c.retrievals[retrieval]
        bank = c.banks[settings.bank]
        file = _weights_file(c, bank)
        found = file if file is not None and file.is_file() else None
        absent |= found != file
        speeds[retrieval] = measure_speeds(images.root, images.paths, bank, found, settings)
    return speeds, ", with random weights, which cost as much" if absent else ""


def _weights_file(c: Configuration, bank: FilterBankSettings) -> Path | None:
    used = bank.network_weights
    if used is not None and isinstance(used.weights, FileWeights):
        return Path(c.data_root) / used.weights.path
    if used is not None and isinstance(used.weights, TorchvisionWeights):
        return Path(WEIGHTS.of(network=used.network, weights=used.weights.name))
    return None


def training_speeds(
    c: Configuration, name: str, collections: Mapping[str, Collection], images: CountedImages
) -> dict[str, TrainingSpeeds]:
    """A few updates of each arm's network, and some images scored; equal ones once."""
    experiment = c.experiments[name]
    paths = [images.root / path for path in images.paths]
    source_classes = sum(
        collections[source].classes or USUAL_CLASSES[1] for source in experiment.sources
    )
    classes = collections[experiment.target].classes or USUAL_CLASSES[0], source_classes
    arms = [job.names["arm"] for job in jobs_of_model(c, name) if "arm" in job.names]
    measured: dict[str, TrainingSpeeds] = {}
    speeds = {}
    for arm in dict.fromkeys(arms):
        settings = runs.training(c, name, arm)
        key = settings.model_dump_json(exclude=set(COSTS_NOTHING))
        if key not in measured:
            measured[key] = measure_training(settings, experiment.evaluation, paths, classes)
        speeds[arm] = measured[key]
    return speeds


def forecast_of(
    c: Configuration,
    name: str,
    collections: Mapping[str, Collection],
    retrieval: Mapping[str, Speeds],
    training: Mapping[str, TrainingSpeeds],
    cores: int | None = None,
) -> Forecast:
    """What all jobs take on so many cores of this machine: on all of them where not given."""
    experiment, jobs = c.experiments[name], jobs_of_model(c, name)
    target = collections[experiment.target]
    # Where the splits have not been counted, each may be all that is held out.
    numbers = target.by_split or dict.fromkeys(SPLITS_HELD_OUT, target.heldout)
    tested, validated = (
        numbers.get(split, 0) for split in (experiment.evaluation.split, VALIDATION_SPLIT)
    )
    cost = TrainingCost(c, name, training, target.train, tested, validated)
    stages = list(RetrievalCost(c, collections, retrieval).stages(jobs))
    return Forecast(jobs, stages, cost, seconds_of_start(), cores or usable_cores())


def _line(part: Collection) -> str:
    heldout = f", {part.heldout:,} held out" if part.heldout else ""
    counted = f"{part.name}: {part.train:,} training images in {part.shards} shards{heldout}."
    return "\n".join([counted, *(f"  left out: {line}" for line in part.left_out)])


def _table(stages: Sequence[Stage]) -> str:
    """Markdown, with a line of totals."""
    disk, seconds = sum(s.disk for s in stages), sum(s.seconds for s in stages)
    sums = ("all", sum(s.jobs for s in stages), disk, seconds, max(s.memory for s in stages))
    rows = [*((s.rule, s.jobs, s.disk, s.seconds, s.memory) for s in stages), sums]
    return "\n".join(
        markdown.table(
            [
                ("stage", "jobs", "on disk, GB", "core-hours", "MB a job"),
                *((n, jobs, f"{d / GB:.3f}", f"{s / 3600:.3f}", mb) for n, jobs, d, s, mb in rows),
            ]
        )
    )
