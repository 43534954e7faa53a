"""Joint fine-tuning of one round (paper, section 3)."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from sjft.data.pixels import USUAL_LIMITS
from sjft.data.table import class_names
from sjft.errors import UserError
from sjft.networks.devices import explained_memory
from sjft.networks.joint import JointNetwork, continue_from, joint_network
from sjft.networks.source_head import ClassifierClasses
from sjft.progress import progress
from sjft.selection.subset import Manifest
from sjft.settings.image_limits import ImageLimits
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import RandomWeights
from sjft.storage.files import stable_integer
from sjft.training.averaging import weight_average
from sjft.training.batches import Batch, JointBatches, LabelledImages
from sjft.training.best import BestWeights, is_validated
from sjft.training.cache import ImageCache
from sjft.training.checkpoints import Checkpoints
from sjft.training.class_balance import ClassBalance
from sjft.training.curves import curves
from sjft.training.history import History, Row
from sjft.training.loading import load_batches
from sjft.training.optimiser import make_optimiser, make_schedule
from sjft.training.pairing import Pairing, SourceChoice
from sjft.training.precision import Precision
from sjft.training.state import TrainingState
from sjft.training.task import JoinedTask
from sjft.training.validation import Validation, readable
from sjft.training.world import ALONE, World

LOG = logging.getLogger(__name__)
BATCHES_UNASKED = 64


def train(
    network: JointNetwork,
    batches_from: Callable[[int], Iterable[Batch]],
    settings: TrainingSettings,
    device: torch.device,
    checkpoints: Checkpoints | None = None,
    world: World = ALONE,
    written: Callable[[Row], None] | None = None,
    best: BestWeights | None = None,
) -> pl.DataFrame:
    """Train ``network`` in place for one round; returns the history, a row per `log_every` updates.

    ``batches_from`` gives the batches from an update on, `accumulate` of them an update, on the
    device. With ``checkpoints`` the round goes on from the newest of them, and ends with the
    weights of one that was never interrupted. With `ema` it ends with the average of its weights;
    with ``best``, which the first process has, with the best of either. Where several processes
    train together, each is given its share of every batch. ``written`` is told of each row of the
    history. Raises `UserError` for a loss that is not finite, naming the update and the batch's
    files, and where the process was asked to end.
    """
    task = JoinedTask(network, settings, device, world)
    precision = Precision(settings.precision, device)
    optimiser = make_optimiser(network, settings)
    schedule = make_schedule(optimiser, settings)
    # A GPU is asked for its numbers seldom: each time it has to wait.
    lag = BATCHES_UNASKED if device.type == "cuda" else 1
    history = History(settings.log_every, settings.updates, lag, world, written)
    average = weight_average(network.module, settings.ema)
    state = TrainingState(
        network.module, optimiser, schedule, precision, history, device, world, average, best
    )
    start = checkpoints.restore(state) if checkpoints else 0
    stream = iter(batches_from(start))
    for update in progress(
        range(start, settings.updates),
        total=settings.updates - start,
        what="training",
        unit="updates",
        bar=world.first,
    ):
        for place in range(settings.accumulate):
            batch = next(stream)
            with task.accumulating(more=place + 1 < settings.accumulate):
                with precision.autocast():
                    result = task(batch, update)
                precision.backward(result["loss"] / settings.accumulate)
            history.add(batch, result, update)
        precision.step(optimiser)
        if average is not None:
            average.update()
        validated = is_validated(settings, update + 1)
        history.close_update(update, [float(rate) for rate in schedule.get_last_lr()], validated)
        schedule.step()
        if validated and best is not None:
            best.after(update + 1, network.module, average)
        if checkpoints:
            checkpoints.after(update + 1, state)
    state.require_finite(settings.updates)
    if average is not None:
        average.replace_weights()
    if best is None:
        return history.table()
    best.replace_weights(network.module)
    return best.told(history.table())


@dataclass(frozen=True)
class Round:
    """One round of one run.

    ``classifier_classes`` are given where the source's head starts from the pre-trained classifier,
    ``validation`` where the best weights are kept: those images of it that can be read, or all.
    """

    number: int
    seed: int
    manifest: Manifest
    choice: SourceChoice
    target_folder: Path
    source_folders: dict[str, Path]
    target_classes: list[str]
    last_network: JointNetwork | None
    classifier_classes: ClassifierClasses | None = None
    limits: ImageLimits = USUAL_LIMITS
    validation: LabelledImages | None = None
    skip_bad_images: bool = False


def run_round(
    of: Round,
    settings: TrainingSettings,
    weights: Path | None,
    threads: int,
    checkpoints: Checkpoints | None = None,
    cache_mb: float = 0,
    world: World = ALONE,
    curves_folder: Path | None = None,
) -> tuple[JointNetwork, pl.DataFrame]:
    """Train a round from the last one's weights, or from the configured ones; also its history.

    ``weights`` is the file of the configured ones; random ones need none, nor do later rounds,
    unless a source class that is new in them gets its row of the pre-trained classifier.
    ``threads`` and ``cache_mb`` are this process's. For ``checkpoints``, ``world`` and what is
    raised see `train`; the world's first process writes to ``curves_folder``.
    """
    device = world.device(settings.device)
    subset, targets = of.manifest.subset, of.manifest.targets
    needs_weights = of.last_network is None or of.classifier_classes is not None
    network = joint_network(
        settings.network,
        settings.weights if needs_weights else RandomWeights(source="random", seed=0),
        weights,
        of.target_classes,
        class_names(subset),
        _seed_of_heads(of),
        of.classifier_classes,
    )
    if of.last_network is not None:
        continue_from(network, of.last_network)
    seed = stable_integer("round", of.seed, of.number)
    cache = ImageCache(cache_mb, settings.resize[1], of.limits)
    batches = JointBatches(
        LabelledImages([of.target_folder / path for path in targets["path"]], _labels(targets)),
        LabelledImages(_paths_of_sources(subset, of.source_folders), _labels(subset)),
        _pairing(of, settings, seed),
        settings,
        seed,
        cache,
        world,
    )

    def batches_from(update: int) -> Iterator[Batch]:
        steps = range(update * settings.accumulate, settings.updates * settings.accumulate)
        return load_batches(batches, steps, settings, threads, device)

    LOG.info(
        "%d target images of %d classes, %d source images of %d classes, on %s",
        *(len(targets), len(network.target_classes), len(subset), len(network.source_classes)),
        device,
    )
    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        explained_memory(),
        curves(curves_folder if world.first else None) as written,
    ):
        # For dropout and stochastic depth, of which each process has its own.
        torch.manual_seed(stable_integer("rank", seed, world.rank) if world.rank else seed)
        best = _best(of, network, settings, cache, threads, device) if world.first else None
        history = train(network, batches_from, settings, device, checkpoints, world, written, best)
    return network, history


def _seed_of_heads(of: Round) -> int:
    """What new rows of the heads are drawn from: numbers that no other round has drawn.

    From those of the first round, a class that is new in a later one would begin with the row that
    another class began with, and is by now trained.
    """
    return stable_integer("heads", of.seed, of.number) if of.number else of.seed


def _best(
    of: Round,
    network: JointNetwork,
    settings: TrainingSettings,
    cache: ImageCache,
    threads: int,
    device: torch.device,
) -> BestWeights | None:
    """What finds the best weights, where they are to be kept."""
    if settings.keep == "last":
        return None
    assert of.validation is not None
    images = readable(of.validation, cache, skip_bad=of.skip_bad_images)
    classes = len(network.target_classes)
    return BestWeights(Validation(images, classes, settings, cache, threads, device).accuracy)


def _pairing(of: Round, settings: TrainingSettings, seed: int) -> Pairing:
    targets, most = of.manifest.targets, settings.most_of_a_class
    return Pairing(
        len(targets),
        settings.target_batch,
        of.choice,
        seed,
        draws=targets["draws"].to_numpy().astype(np.int64),
        balance=None if most is None else ClassBalance(_labels(targets), most),
        sources=settings.sources,
    )


def _labels(table: pl.DataFrame) -> NDArray[np.int64]:
    return table["label"].to_numpy().astype(np.int64)


def _paths_of_sources(subset: pl.DataFrame, folders: Mapping[str, Path]) -> list[Path]:
    unknown = sorted(set(subset["source"].fill_null("")) - folders.keys())
    if unknown:
        raise UserError(
            f"subset.csv: `{unknown[0]}` is no source of this experiment; these are: "
            f"{', '.join(folders)}. Correct it, or remove subset.csv and targets.csv of this round "
            "and run again."
        )
    return [folders[source] / path for source, path in subset.select("source", "path").iter_rows()]
