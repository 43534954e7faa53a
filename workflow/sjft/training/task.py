"""The task as a process trains it: on its device, compiled, joined with other processes'."""

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.parallel import DistributedDataParallel

from sjft.errors import UserError
from sjft.networks.architecture import synchronise_norms
from sjft.networks.joint import JointNetwork
from sjft.settings.training import TrainingSettings
from sjft.training.batch_norm import set_training_mode
from sjft.training.batches import Batch
from sjft.training.loss import JointTask, source_loss_weight
from sjft.training.world import World


class JoinedTask:
    """A `JointTask` whose gradients are the means over all processes' shares of a batch.

    With equal shares that is the gradient of the whole batch. Batch-norm statistics are the whole
    batch's on GPUs; on CPUs, where torch cannot synchronise them, each process normalises by its
    own share, and the first one's running statistics are kept.
    """

    def __init__(
        self, network: JointNetwork, settings: TrainingSettings, device: torch.device, world: World
    ) -> None:
        """Move the network to the device; raises `UserError` where it cannot be compiled."""
        self._task = JointTask(
            network,
            settings.source_loss_weight,
            settings.target_loss_weight,
            settings.label_smoothing,
            separate_statistics=settings.batch_norm == "separate",
        )
        frozen = settings.batch_norm == "frozen"
        if world.size > 1 and device.type == "cuda" and not frozen:
            synchronise_norms(network.name, self._task)
        # Convolutions are a quarter faster with the channels last, on CPUs and GPUs alike.
        self._task.to(device).to(memory_format=torch.channels_last)
        set_training_mode(self._task, frozen=frozen)
        if settings.compile:
            _require_compiler(device)
            self._task.compile()  # in place: the weights keep their names
        self._call: Callable[..., dict[str, Tensor]] = self._task
        self._waiting: Callable[[], AbstractContextManager[Any]] = nullcontext
        if world.size > 1:
            devices = [device] if device.type == "cuda" else None
            joined = DistributedDataParallel(self._task, device_ids=devices)
            self._call, self._waiting = joined, joined.no_sync

        self._settings, self._device = settings, device

    def __call__(self, batch: Batch, update: int) -> dict[str, Tensor]:
        """See `JointTask.forward`; ``update``, from 0, says how much the source's loss counts."""
        given = batch.tensors()
        if self._settings.source_loss_weight_at_end is not None:
            weight = source_loss_weight(self._settings, update)
            # Filled on the device, which nothing has to wait for; compiled once, being no number.
            given["source_loss_weight"] = torch.full((), weight, device=self._device)
        return self._call(**given)

    def accumulating(self, more: bool) -> AbstractContextManager[Any]:
        """Around a batch's passes; gradients are exchanged where no more batches follow."""
        return self._waiting() if more else nullcontext()


def _require_compiler(device: torch.device) -> None:
    names = [name for name in (os.environ.get("CXX"), "g++", "clang++", "c++") if name]
    if device.type == "cpu" and not any(map(shutil.which, names)):
        raise UserError(
            "training.compile: torch.compile needs a C++ compiler for networks on a CPU, and there "
            f"is none of {', '.join(names)}. Install one, or set the key to false."
        )
