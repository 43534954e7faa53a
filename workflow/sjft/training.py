"""Joint fine-tuning of one round (paper, section 3)."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import nn

from sjft.batches import Batch, JointBatches, LabelledImages, load_batches
from sjft.checkpoints import Checkpoints, TrainingState
from sjft.class_balance import ClassBalance
from sjft.devices import choose_device
from sjft.files import stable_integer
from sjft.history import History
from sjft.images_table import class_names
from sjft.network import JointNetwork, JointTask, continue_from, joint_network
from sjft.optimiser import make_optimiser, make_schedule
from sjft.pairing import Pairing, SourceChoice
from sjft.progress import progress
from sjft.settings.experiment import TrainingSettings
from sjft.settings.weights import RandomWeights
from sjft.source_head import ClassifierClasses
from sjft.subset import Manifest

LOG = logging.getLogger(__name__)


def train(
    network: JointNetwork,
    batches_from: Callable[[int], Iterable[Batch]],
    settings: TrainingSettings,
    device: torch.device,
    checkpoints: Checkpoints | None = None,
) -> pl.DataFrame:
    """Train ``network`` in place for one round; returns the history, a row per `log_every` updates.

    ``batches_from`` gives the batches from an update on, `accumulate` of them an update. With
    ``checkpoints`` the round goes on from the newest of them, and ends with the weights of one
    that was never interrupted. Raises `UserError` for a loss that is not finite, naming the update
    and the batch's files, and where the process was asked to end.
    """
    # Convolutions are a quarter faster with the channels last, on CPUs and GPUs alike.
    task = JointTask(network, settings.source_loss_weight, settings.target_loss_weight).to(device)
    task.to(memory_format=torch.channels_last)
    optimiser = make_optimiser(network, settings)
    schedule = make_schedule(optimiser, settings)
    history = History(settings.log_every, settings.updates)
    state = TrainingState(network.module, optimiser, schedule, history, device)
    start = checkpoints.restore(state) if checkpoints else 0
    stream = iter(batches_from(start))
    set_training_mode(task, settings.freeze_batch_norm)
    for update in progress(
        range(start, settings.updates),
        total=settings.updates - start,
        what="training",
        unit="updates",
    ):
        for batch in _take(stream, settings.accumulate):
            result = task(
                batch.images.to(device, non_blocking=True, memory_format=torch.channels_last),
                batch.target_labels.to(device, non_blocking=True),
                batch.source_labels.to(device, non_blocking=True),
            )
            (result["loss"] / settings.accumulate).backward()
            # One transfer for all numbers: each would make a GPU wait.
            numbers = torch.stack([value.float() for value in result.values()]).tolist()
            history.add(batch, dict(zip(result, numbers, strict=True)), update)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        history.close_update(update, float(schedule.get_last_lr()[0]))
        schedule.step()
        if checkpoints:
            checkpoints.after(update + 1, state)
    return history.table()


def _take(stream: Iterator[Batch], number: int) -> Iterator[Batch]:
    for _ in range(number):
        yield next(stream)


def set_training_mode(task: nn.Module, freeze_batch_norm: bool) -> None:
    """Switch to training, but leave batch-norm statistics alone where they are frozen."""
    task.train()
    if freeze_batch_norm:
        for module in task.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()


@dataclass(frozen=True)
class Round:
    """One round of one run.

    ``classifier_classes`` are given where the source's head starts from the pre-trained classifier.
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


def run_round(
    of: Round,
    settings: TrainingSettings,
    weights: Path | None,
    threads: int,
    checkpoints: Checkpoints | None = None,
) -> tuple[JointNetwork, pl.DataFrame]:
    """Train a round from the last one's weights, or from the configured ones; also its history.

    ``weights`` is the file of the configured ones; random ones need none, nor do later rounds,
    unless a source class that is new in them gets its row of the pre-trained classifier. For
    ``checkpoints`` and what is raised see `train`.
    """
    device = choose_device(settings.device)
    subset, targets = of.manifest.subset, of.manifest.targets
    needs_weights = of.last_network is None or of.classifier_classes is not None
    network = joint_network(
        settings.network,
        settings.weights if needs_weights else RandomWeights(source="random", seed=0),
        weights,
        of.target_classes,
        class_names(subset),
        of.seed,
        of.classifier_classes,
    )
    if of.last_network is not None:
        continue_from(network, of.last_network)
    seed = stable_integer("round", of.seed, of.number)
    batches = JointBatches(
        LabelledImages([of.target_folder / path for path in targets["path"]], _labels(targets)),
        LabelledImages(_paths_of_sources(subset, of.source_folders), _labels(subset)),
        _pairing(of, settings, seed),
        settings,
        seed,
    )

    def batches_from(update: int) -> Iterator[Batch]:
        steps = range(update * settings.accumulate, settings.updates * settings.accumulate)
        return load_batches(batches, steps, threads, device)

    LOG.info(
        "%d target images of %d classes, %d source images of %d classes, on %s",
        *(len(targets), len(network.target_classes), len(subset), len(network.source_classes)),
        device,
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)  # for dropout and stochastic depth
        history = train(network, batches_from, settings, device, checkpoints)
    return network, history


def _pairing(of: Round, settings: TrainingSettings, seed: int) -> Pairing:
    targets, most = of.manifest.targets, settings.most_of_a_class
    return Pairing(
        len(targets),
        settings.target_batch,
        of.choice,
        seed,
        draws=targets["draws"].to_numpy().astype(np.int64),
        balance=None if most is None else ClassBalance(_labels(targets), most),
    )


def _labels(table: pl.DataFrame) -> NDArray[np.int64]:
    return table["label"].to_numpy().astype(np.int64)


def _paths_of_sources(subset: pl.DataFrame, folders: Mapping[str, Path]) -> list[Path]:
    return [folders[source] / path for source, path in subset.select("source", "path").iter_rows()]
