"""What training and scoring cost here: measured on a few updates, counted over all rounds."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from sjft.errors import UserError
from sjft.evaluation.scoring import class_probabilities
from sjft.layout import Job
from sjft.networks.devices import choose_device, explained_memory, torch_threads
from sjft.networks.joint import JointNetwork, joint_network
from sjft.pipeline import runs
from sjft.pipeline.elapsed import Demand
from sjft.pipeline.prices import Price
from sjft.pipeline.resources import (
    BYTES_OF_A_LINE,
    gpus_of_scoring,
    mb_of_round,
    mb_of_scoring,
    threads_of_scoring,
    threads_of_training,
)
from sjft.settings.config import Configuration
from sjft.settings.evaluation import EvaluationSettings
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import RandomWeights
from sjft.training.batches import Batch, JointBatches, LabelledImages
from sjft.training.best import validations
from sjft.training.cache import ImageCache
from sjft.training.loading import load_batches
from sjft.training.pairing import AnySource, NoSource, Pairing
from sjft.training.round import train

# On a CPU, target images of a measured forward pass, at most: time grows as they do.
BATCH_ON_CPU = 8
# Work that takes longer than this, in seconds, is not done a second time.
LONG = 3.0
UPDATES_MEASURED = 10
IMAGES_SCORED = 8
CACHE_MB = 500
HARMLESS_RATE = 1e-6  # a learning rate that leaves random weights finite
RANDOM = RandomWeights(source="random", seed=0)
RULES_OF_TRAINING = ("finetune", "score_difficulty", "evaluate", "validate")


@dataclass(frozen=True)
class TrainingSpeeds:
    """Seconds: of a core on a CPU, of the GPU on a GPU.

    An update ``with_source`` images costs more than one of the target's alone; ``view`` is a
    image that is scored once; ``model_bytes`` is what a round's model takes on disk.
    """

    device: str
    with_source: float
    target_alone: float
    view: float
    model_bytes: float


def measure_training(
    training: TrainingSettings,
    evaluation: EvaluationSettings,
    images: Sequence[Path],
    classes: tuple[int, int],
) -> TrainingSpeeds:
    """Train and score with random weights, which cost as much, on some images.

    ``classes`` are the target's and the source's. A GPU that is asked for and not here is stood
    for by the CPU. Raises `UserError` for a network that cannot be built or refuses its input.
    """
    wants_gpu = training.device != "cpu" and torch.cuda.is_available()
    device = choose_device("auto" if wants_gpu else "cpu")
    target, source = ([f"{number}" for number in range(side)] for side in classes)
    network = training.network
    # Threads that wait for each other, on a machine that does other work, would count as working.
    with torch_threads(1), _explained(training):
        joint = joint_network(network, RANDOM, None, target, source, 0)
        with_source = _seconds_of_update(joint, training, images, device)
        alone = joint_network(network, RANDOM, None, target, [], 0)
        target_alone = _seconds_of_update(alone, training, images, device)
        view = _seconds_of_view(alone, training, evaluation, images, device)
    tensors = joint.module.state_dict().values()
    size = float(sum(tensor.numel() * tensor.element_size() for tensor in tensors))
    return TrainingSpeeds(device.type, with_source, target_alone, view, size)


@contextmanager
def _explained(training: TrainingSettings) -> Iterator[None]:
    """Turn a network's refusal of its input, or a lack of memory, into a `UserError`."""
    try:
        with explained_memory():
            yield
    except (RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"training.network: {training.network} cannot be trained on images of "
            f"{training.input_size} px, {training.target_batch} at a time ({reason}). Change "
            "training.input_size or training.target_batch, or take another network."
        ) from None


def _seconds_of_update(
    network: JointNetwork,
    training: TrainingSettings,
    images: Sequence[Path],
    device: torch.device,
) -> float:
    """Of an update of all its forward passes, from one of a pass that may be smaller."""
    whole = training.target_batch
    size = whole if device.type == "cuda" else min(whole, BATCH_ON_CPU)
    beside = max(1, round(training.sources * size / whole))
    settings = training.model_copy(
        update={
            "target_batch": size,
            "source_batch": None if beside == size else beside,
            "accumulate": 1,
            "learning_rate": HARMLESS_RATE,
            "warm_up_updates": 0,
            "processes": 1,
            "compile": False,
        }
    )
    paths = [images[place % len(images)] for place in range(max(size, len(images)))]
    sources = paths if network.source_classes else []
    batches = JointBatches(
        LabelledImages(paths, np.arange(len(paths)) % len(network.target_classes)),
        LabelledImages(sources, np.arange(len(sources)) % max(1, len(network.source_classes))),
        Pairing(
            *(len(paths), size, AnySource(len(paths)) if sources else NoSource(), 0),
            sources=settings.sources,
        ),
        settings,
        0,
        ImageCache(CACHE_MB, settings.resize[1]),
    )

    def updates(number: int) -> Callable[[], object]:
        def batches_from(_: int) -> Iterator[Batch]:
            threads = torch.get_num_threads()
            return load_batches(batches, range(number), settings, threads, device)

        few = settings.model_copy(update={"updates": number})
        return lambda: train(network, batches_from, few, device)

    seconds = _seconds(updates(1), device)
    if seconds < LONG:
        number = int(np.clip(LONG / 2 / seconds, 1, UPDATES_MEASURED))
        seconds = _seconds(updates(number), device) / number
    return seconds * training.accumulate * whole / size


def _seconds_of_view(
    network: JointNetwork,
    training: TrainingSettings,
    evaluation: EvaluationSettings,
    images: Sequence[Path],
    device: torch.device,
) -> float:
    some, single = images[:IMAGES_SCORED], evaluation.single_view()

    def score() -> object:
        return class_probabilities(network, some, single, training, device, threads=1)

    seconds = _seconds(score, device)
    if seconds < LONG:
        seconds = _seconds(score, device)
    return seconds / len(some)


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    """Of all threads on a CPU, whatever else the machine does; by the clock on a GPU."""
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    started = clock()
    work()
    return clock() - started


@dataclass(frozen=True)
class TrainingCost:
    """What the jobs of an experiment's training cost, one by one.

    ``speeds`` are those of each arm that is trained; ``train`` is the number of the target's
    training images, ``tested`` that of the split that is evaluated, ``validated`` that of the
    split that the published arm, and the best weights of a round, are chosen by. ``classes`` is the
    number of the target's, and ``sources`` that of all sources' training images.
    """

    c: Configuration
    name: str
    speeds: Mapping[str, TrainingSpeeds]
    train: int
    tested: int
    validated: int = 0
    classes: int = 0
    sources: int = 0

    @property
    def experiment(self) -> ExperimentSettings:
        """Its settings."""
        return self.c.experiments[self.name]

    @property
    def device(self) -> str:
        """What was measured on."""
        return next(iter(self.speeds.values())).device

    @property
    def model_bytes(self) -> float:
        """Of the published model: of the largest, where it is chosen."""
        return max(self.speeds[arm].model_bytes for arm in self.experiment.publish.candidates)

    def alone(self, arm: str) -> bool:
        """Whether an arm is trained without source images."""
        return not runs.sources_of(self.c, self.name, arm)

    def price(self, job: Job) -> Price:
        """What a job takes on disk, of a core or of the GPU, and of memory."""
        names = job.names
        disk = self.speeds[names["arm"]].model_bytes if job.rule == "finetune" else 0.0
        return Price(disk, self.seconds(job), self.megabytes(job))

    def megabytes(self, job: Job) -> int:
        """Of memory: a round has twice the target's images where it has a source."""
        arm = job.names["arm"]
        if job.rule != "finetune":
            scored = {"score_difficulty": self.train, "validate": self.validated}
            images = scored.get(job.rule, self.tested)
            return mb_of_scoring(self.c, self.name, arm, images, self.classes)
        found = runs.arm_of(self.c, self.name, arm)
        listed = self.c.retrievals[found.retrieval].neighbours_on_file if found.selects else 0
        lists = 8 * self.train * min(listed, self.sources)
        images = self.train * (1 if self.alone(arm) else 2)
        return mb_of_round(self.c, self.name, arm, BYTES_OF_A_LINE * images, lists)

    def seconds(self, job: Job) -> float:
        """Of a core, or of the GPU."""
        arm = job.names["arm"]
        speeds = self.speeds[arm]
        if job.rule == "finetune":
            speed = speeds.target_alone if self.alone(arm) else speeds.with_source
            training = runs.training(self.c, self.name, arm)
            looked_at = validations(training) * self.validated
            return training.updates * speed + looked_at * speeds.view
        if job.rule == "score_difficulty":
            return self.train * speeds.view
        images = self.validated if job.rule == "validate" else self.tested
        return images * self.experiment.evaluation.views * speeds.view

    def demand(self, job: Job, cores: int, start: float) -> Demand:
        """By the clock, with ``start`` seconds before the work. A GPU is one job's at a time."""
        arm = job.names["arm"]
        of_rule = threads_of_training if job.rule == "finetune" else threads_of_scoring
        threads = min(of_rule(self.c, self.name, arm), cores)
        shared = threads if self.speeds[arm].device == "cpu" else 1
        uses_gpu = gpus_of_scoring(self.c, self.name, arm) > 0
        return Demand(start + self.seconds(job) / shared, threads, uses_gpu)
