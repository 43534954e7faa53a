"""What an experiment will cost, before the run: jobs, disk, core-hours, memory, time."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from sjft import layout
from sjft.data.listing import ListedOnce
from sjft.data.table import of_part
from sjft.errors import UserError
from sjft.fetch.missing import missing_parts
from sjft.layout import File, Job
from sjft.pipeline.expected_time import keep_forecast
from sjft.pipeline.experiment_time import Forecast, seconds_of_start, usable_cores
from sjft.pipeline.jobs import Jobs, jobs_from_models
from sjft.pipeline.measured_speeds import images_of, retrieval_speeds, training_speeds
from sjft.pipeline.prices import Collection, Stage
from sjft.pipeline.retrieval_cost import RetrievalCost
from sjft.pipeline.run_cost import ExperimentCost
from sjft.pipeline.speeds import Speeds
from sjft.pipeline.training_cost import (
    RULES_OF_TRAINING,
    TrainingCost,
    TrainingSpeeds,
)
from sjft.settings.config import Configuration, read_configuration, unknown_experiment
from sjft.settings.dataset import Cameras, DatasetSettings, Synthetic
from sjft.settings.merging import CONFIG_FILE, merged_values, shipped_file
from sjft.settings.splits import VALIDATION_SPLIT
from sjft.storage import markdown
from sjft.wording import counted

GB = 1e9
LOG = logging.getLogger(__name__)
SPLITS_HELD_OUT = ("val", "test")


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
    lists: ListedOnce,
) -> str:
    """The plan of an experiment as text; of data that is here, it is kept for a run's progress.

    The models of other experiments that it starts from have plans of their own.

    Numbers of images that are given stand for data that is not here; the others are counted in
    their ``lists``. Raises `UserError` for an unknown experiment, and for data that is neither here
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
    target = count_images(configuration, experiment.target, lists, target_images, heldout_images)
    given = dict(zip(experiment.sources, source_images, strict=False))
    sources = [
        count_images(configuration, source, lists, given.get(source), 0)
        for source in experiment.sources
    ]
    collections = {part.name: part for part in (target, *sources)}
    more = jobs_beside_model(configuration, name)
    known = jobs_of_plan(configuration, name)
    jobs = [*known, *(job for found in more.values() for job in found)]
    with images_of(list(collections.values()), sample) as images:
        retrieval, weights = retrieval_speeds(configuration, jobs, images)
        training = training_speeds(configuration, name, jobs, collections, images)
    cost = cost_of(configuration, name, collections, retrieval, training)
    forecast = forecast_of(cost)
    if target_images is None and not source_images:
        keep_forecast(name, forecast.of_jobs())
    measured = f"Measured on {images.words}{weights}."
    text = plan_text(list(collections.values()), measured, forecast)
    return f"{text}\n\n{_beside_model(cost, more)}"


def in_order(name: str, before: Mapping[str, str], own: str) -> str:
    """The plans of the experiments that one starts from, by their names, and then its own.

    It may start from some over others: what lies furthest ahead stands first.
    """
    parts = []
    for other, text in before.items():
        parts += [f"`{name}` needs what `{other}` learns, which is made first:", text]
    return "\n\n".join([*parts, f"Then `{name}`:", own] if before else [own])


def jobs_of_plan(c: Configuration, name: str) -> Jobs:
    """What makes an experiment's model, where the models that it starts from are there."""
    return jobs_from_models(c, name, [layout.MODEL.of(experiment=name)])


def jobs_beside_model(c: Configuration, name: str) -> dict[File, list[Job]]:
    """What else can be made of an experiment, and which jobs that takes beside the model's."""
    known, names = jobs_of_plan(c, name), {"experiment": name}
    found: dict[File, list[Job]] = {}
    for pattern in (layout.EXPLORER, layout.REPORT, layout.ABLATION):
        file = pattern.of(**names)
        try:
            found[file] = [job for job in jobs_from_models(c, name, [file]) if job not in known]
        except UserError as error:  # there is no such page of these arms
            LOG.info("%s: %s", file, error)
    return found


def _beside_model(cost: ExperimentCost, more: Mapping[File, Sequence[Job]]) -> str:
    """A row for each file that is no model's: what it takes where the model is there."""
    start = seconds_of_start()
    rows = []
    for file, jobs in more.items():
        prices = [price for job in jobs if (price := cost.price(job)) is not None]
        disk = sum(price.disk for price in prices)
        seconds = sum(price.seconds for price in prices) + start * len(jobs)
        memory = max((price.memory for price in prices), default=0)
        rows.append((file, len(jobs), disk, seconds, memory))
    return f"Beside the model, where that is there:\n\n{_rows('file', rows)}"


def plan_text(collections: Sequence[Collection], measured: str, forecast: Forecast) -> str:
    """What there is, what it was measured on, the table of stages, and how long all takes."""
    counted = "\n".join(_line(part) for part in collections)
    return f"{counted}\n{measured}\n\n{_table(forecast.rows())}\n\n{forecast.text()}"


def count_images(
    configuration: Configuration,
    name: str,
    lists: ListedOnce,
    train: int | None,
    heldout: int | None = None,
) -> Collection:
    """Count a data set's images in its list, or take the numbers that are given."""
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
    return _listed(name, settings, Path(configuration.data_root) / settings.root, lists)


def _listed(name: str, settings: DatasetSettings, root: Path, lists: ListedOnce) -> Collection:
    assert not isinstance(settings, Synthetic)
    if missing := list(missing_parts(settings, root)):
        raise UserError(
            f"data set `{name}`: {', '.join(missing)}. Give --data-root, or numbers: "
            "--target-images N and --source-images N."
        )
    table, omissions = lists.of(settings, root)
    train = of_part(table, "train")
    some = train[:: max(1, len(train) // 1000)]
    paths = tuple(some["path"].to_list())
    numbers = dict(table["split"].value_counts().iter_rows())
    heldout, classes = len(table) - len(train), table["label"].n_unique()
    return Collection(
        *(name, len(train), heldout, settings.shards, numbers, classes, root, paths),
        left_out=tuple(omissions.lines()),
    )


def cost_of(
    c: Configuration,
    name: str,
    collections: Mapping[str, Collection],
    retrieval: Mapping[str, Speeds],
    training: Mapping[str, TrainingSpeeds],
) -> ExperimentCost:
    """What prices each job of an experiment."""
    experiment = c.experiments[name]
    target = collections[experiment.target]
    # Where the splits have not been counted, each may be all that is held out.
    numbers = target.by_split or dict.fromkeys(SPLITS_HELD_OUT, target.heldout)
    tested, validated = (
        numbers.get(split, 0) for split in (experiment.evaluation.split, VALIDATION_SPLIT)
    )
    return ExperimentCost(
        RetrievalCost(c, collections, retrieval),
        TrainingCost(
            *(c, name, training, target.train, tested, validated, target.classes),
            sum(collections[source].train for source in experiment.sources),
        ),
    )


def forecast_of(cost: ExperimentCost, cores: int | None = None) -> Forecast:
    """What all jobs take on so many cores of this machine: on all of them where not given."""
    training = cost.training
    jobs = jobs_of_plan(training.c, training.name)
    others = [job for job in jobs if job.rule not in RULES_OF_TRAINING]
    stages = list(cost.stages(others))
    return Forecast(jobs, stages, training, seconds_of_start(), cores or usable_cores())


def _line(part: Collection) -> str:
    heldout = f", {part.heldout:,} held out" if part.heldout else ""
    line = (
        f"{part.name}: {counted(part.train, 'training image')} in "
        f"{counted(part.shards, 'shard')}{heldout}."
    )
    return "\n".join([line, *(f"  left out: {line}" for line in part.left_out)])


def _table(stages: Sequence[Stage]) -> str:
    """Markdown, with a line of totals."""
    disk, seconds = sum(s.disk for s in stages), sum(s.seconds for s in stages)
    sums = ("all", sum(s.jobs for s in stages), disk, seconds, max(s.memory for s in stages))
    return _rows("stage", [*((s.rule, s.jobs, s.disk, s.seconds, s.memory) for s in stages), sums])


def _rows(what: str, rows: Sequence[tuple[str, int, float, float, int]]) -> str:
    """Markdown of names, jobs, bytes, seconds and megabytes."""
    return "\n".join(
        markdown.table(
            [
                (what, "jobs", "on disk, GB", "core-hours", "MB a job"),
                *((n, jobs, f"{d / GB:.3f}", f"{s / 3600:.3f}", mb) for n, jobs, d, s, mb in rows),
            ]
        )
    )
