"""How fast an experiment's stages are here: on some of its images, or on made ones."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sjft.layout import WEIGHTS, Job
from sjft.pipeline import runs
from sjft.pipeline.prices import Collection
from sjft.pipeline.speeds import Speeds, make_images, measure_speeds
from sjft.pipeline.training_cost import (
    TrainingSpeeds,
    measure_training,
)
from sjft.settings.banks.common import FilterBankSettings
from sjft.settings.config import Configuration
from sjft.settings.weights import FileWeights, TorchvisionWeights

# Of a training, what decides neither how long an update takes nor an image that is scored.
COSTS_NOTHING = (
    *("weights", "updates", "learning_rate", "schedule", "learning_rate_steps", "warm_up_updates"),
    *("momentum", "weight_decay", "head_learning_rate_factor", "target_loss_weight"),
    *("source_head_learning_rate_factor", "source_loss_weight", "source_head"),
    *("source_head_classes", "mean", "std", "log_every", "most_of_a_class"),
    *("layer_wise_decay", "label_smoothing"),
)
# Of data that is not here: as the paper's targets, and ImageNet.
USUAL_CLASSES = (100, 1000)


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
    c: Configuration, jobs: Iterable[Job], images: CountedImages
) -> tuple[dict[str, Speeds], str]:
    """The stages before training, measured for each retrieval that these jobs need.

    The text is what is to be said of the banks' weights, where they are not here.
    """
    speeds, absent = {}, False
    for retrieval in _retrievals_of(c, list(jobs)):
        settings = c.retrievals[retrieval]
        bank = c.banks[settings.bank]
        file = _weights_file(c, bank)
        found = file if file is not None and file.is_file() else None
        absent |= found != file
        speeds[retrieval] = measure_speeds(images.root, images.paths, bank, found, settings)
    return speeds, ", with random weights, which cost as much" if absent else ""


def _retrievals_of(c: Configuration, jobs: Sequence[Job]) -> list[str]:
    """The retrievals that jobs belong to, and one for what is done where nothing is searched.

    Images are made, and those that cannot be read are found by a bank, for training alone too.
    """
    found = dict.fromkeys(job.names["retrieval"] for job in jobs if "retrieval" in job.names)
    for bank in dict.fromkeys(job.names["bank"] for job in jobs if "bank" in job.names):
        of_bank = [name for name, settings in c.retrievals.items() if settings.bank == bank]
        if not found.keys() & {*of_bank}:
            found[of_bank[0]] = None
    if not found and any(job.rule == "generate_images" for job in jobs):
        named = next(job.names["experiment"] for job in jobs if "experiment" in job.names)
        found[c.experiments[named].retrieval] = None
    return list(found)


def _weights_file(c: Configuration, bank: FilterBankSettings) -> Path | None:
    used = bank.network_weights
    if used is not None and isinstance(used.weights, FileWeights):
        return Path(c.data_root) / used.weights.path
    if used is not None and isinstance(used.weights, TorchvisionWeights):
        return Path(WEIGHTS.of(network=used.network, weights=used.weights.name))
    return None


def training_speeds(
    c: Configuration,
    name: str,
    jobs: Iterable[Job],
    collections: Mapping[str, Collection],
    images: CountedImages,
) -> dict[str, TrainingSpeeds]:
    """A few updates of the network of each arm of these jobs, and some images scored.

    Equal ones once.
    """
    experiment = c.experiments[name]
    paths = [images.root / path for path in images.paths]
    source_classes = sum(
        collections[source].classes or USUAL_CLASSES[1] for source in experiment.sources
    )
    classes = collections[experiment.target].classes or USUAL_CLASSES[0], source_classes
    arms = [job.names["arm"] for job in jobs if "arm" in job.names]
    measured: dict[str, TrainingSpeeds] = {}
    speeds = {}
    for arm in dict.fromkeys(arms):
        settings = runs.training(c, name, arm)
        key = settings.model_dump_json(exclude=set(COSTS_NOTHING))
        if key not in measured:
            measured[key] = measure_training(settings, experiment.evaluation, paths, classes)
        speeds[arm] = measured[key]
    return speeds
