"""Checkpoints: a round that was killed goes on, and ends with the bytes of one that was not.

They lie outside of the rule's outputs, which Snakemake removes when a job fails, in a folder that
is named by a digest of all that decides the round: one of other inputs or settings is never read.
"""

import logging
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import nn

from sjft.errors import UserError
from sjft.files import written_beside
from sjft.history import History
from sjft.settings.checkpoints import CheckpointSettings
from sjft.weights import LOADING_ERRORS

KIND, VERSION = "sjft-checkpoint", 1
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingState:
    """All that changes while a round is trained; the batches are a function of the update."""

    module: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    history: History
    device: torch.device

    def content(self) -> dict[str, Any]:
        """Tensors and plain values, for `restore`."""
        cuda = self.device.type == "cuda"
        return {
            "network": self.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict(),
            "history": self.history.state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state(self.device) if cuda else None,
        }

    def restore(self, content: dict[str, Any]) -> None:
        """Go back to what `content` gave."""
        self.module.load_state_dict(content["network"])
        self.optimiser.load_state_dict(content["optimiser"])
        self.schedule.load_state_dict(content["schedule"])
        self.history.restore(content["history"])
        torch.set_rng_state(content["random"])
        if content["random_cuda"] is not None:
            torch.cuda.set_rng_state(content["random_cuda"], self.device)


@dataclass
class Checkpoints:
    """The checkpoints of one round: ``folder`` is its own, for these inputs and settings."""

    folder: Path
    settings: CheckpointSettings
    asked_to_end: bool = False
    _last: float = field(default_factory=time.monotonic)

    def restore(self, state: TrainingState) -> int:
        """Go on from the newest checkpoint that can be read; returns the updates that are done."""
        for path in sorted(self.folder.glob("update-*.pt"), reverse=True):
            content = _read(path)
            if content is not None:
                state.restore(content)
                LOG.info("goes on after update %d, from %s", content["update"], path)
                return int(content["update"])
        return 0

    def after(self, update: int, state: TrainingState) -> None:
        """Write a checkpoint after so many updates, where one is due.

        Raises `UserError` where the process was asked to end; the checkpoint is written first.
        """
        every = self.settings.updates
        due = every is not None and update % every == 0
        if not (due or self.asked_to_end or self._age() >= self.settings.seconds):
            return
        path = self.folder / f"update-{update:08d}.pt"
        content = {"format": KIND, "format_version": VERSION, "update": update, **state.content()}
        with written_beside(path) as beside, beside.open("wb") as file:
            torch.save(content, file)
        LOG.info("checkpoint after update %d: %s", update, path)
        for old in sorted(self.folder.glob("update-*.pt"))[: -self.settings.keep]:
            old.unlink()
        self._last = time.monotonic()
        if self.asked_to_end:
            raise UserError(
                f"The job was asked to end (SIGTERM) and stopped after update {update}. Run again "
                "to go on from there."
            )

    def _age(self) -> float:
        return time.monotonic() - self._last

    @contextmanager
    def heeding_termination(self) -> Iterator[None]:
        """Let SIGTERM, as Slurm sends it before the time is over, end the round by a checkpoint."""

        def end(_signal: int, _frame: FrameType | None) -> None:
            self.asked_to_end = True

        before = signal.signal(signal.SIGTERM, end)
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)

    def remove(self) -> None:
        """Remove this round's checkpoints, of other inputs and settings too: it is done."""
        shutil.rmtree(self.folder.parent, ignore_errors=True)


def _read(path: Path) -> dict[str, Any] | None:
    """A checkpoint's content, or None for one that cannot be used: the one before will do."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except LOADING_ERRORS as error:
        LOG.warning("%s is passed over: it cannot be read (%s)", path, type(error).__name__)
        return None
    if not isinstance(content, dict) or content.get("format") != KIND:
        LOG.warning("%s is passed over: it is no checkpoint", path)
        return None
    return content if content["format_version"] == VERSION else None
