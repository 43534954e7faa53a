"""Checkpoints: a round that was killed goes on, and ends with the bytes of one that was not.

They lie outside of the rule's outputs, which Snakemake removes when a job fails, in a folder that
is named by a digest of all that decides the round: one of other inputs or settings is never gone on
from, and never removed either, so that giving those settings again goes on from there.
"""

import json
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

from sjft.errors import NotAsWrittenError, UserError
from sjft.settings.checkpoints import CheckpointSettings
from sjft.storage.files import digest_of_text, read_json, write_json
from sjft.storage.torch_file import read_torch, write_torch
from sjft.training.state import TrainingState

KIND, VERSION = "sjft-checkpoint", 2
DECIDED_BY = "decided_by.json"
# What decides a training and cannot be read: digests, or sizes and times.
OF_DIGESTS = {
    "code": "another version of the program",
    "opened": "other images",
    "weights": "another file of weights",
    "source_head_classes": "another list of the classifier's classes",
}
LOG = logging.getLogger(__name__)


@dataclass
class Checkpoints:
    """The checkpoints of a round, in a folder of ``root``.

    ``decided_by`` is all that the round's result follows from, as plain values by name. Where
    several processes train together, all call the same methods at the same updates, and the first
    of them writes.
    """

    root: Path
    decided_by: dict[str, Any]
    settings: CheckpointSettings
    asked_to_end: bool = False
    _last: float = field(default_factory=time.monotonic)

    @property
    def folder(self) -> Path:
        """This round's own folder, for these inputs and settings."""
        return self.root / digest_of_text(json.dumps(self.decided_by, sort_keys=True))

    def restore(self, state: TrainingState) -> int:
        """Go on from the newest checkpoint that can be read; returns the updates that are done.

        Raises `UserError` for a checkpoint that was made with other settings.
        """
        if state.world.first:
            self._tell_of_others()
        for path in sorted(self.folder.glob("update-*.pt"), reverse=True):
            content = _read(path)
            if content is None:
                continue
            if content["decided_by"] != self.decided_by:
                raise UserError(
                    f"{path}: this checkpoint was made with other settings "
                    f"({_differences(content['decided_by'], self.decided_by)}). Move it away to "
                    "start anew, or give those settings again. Nothing was changed."
                )
            state.restore(content)
            LOG.info("goes on after update %d, from %s", content["update"], path)
            return int(content["update"])
        return 0

    def _tell_of_others(self) -> None:
        for path in sorted(self.root.glob(f"*/{DECIDED_BY}")):
            if path.parent != self.folder and list(path.parent.glob("update-*.pt")):
                LOG.warning(
                    "%s: checkpoints that were made otherwise (%s) are not used here, and are "
                    "kept. What they were made with goes on from them; else remove the folder.",
                    path.parent,
                    self._how_others_differ(path),
                )

    def _how_others_differ(self, path: Path) -> str:
        try:
            return _differences(read_json(path), self.decided_by)
        except UserError as error:
            return str(error)

    def after(self, update: int, state: TrainingState) -> None:
        """Write a checkpoint after so many updates, where one is due.

        Raises `UserError` where a loss or a weight is not finite (nothing is written then), and
        where a process was asked to end (the checkpoint is written first).
        """
        every = self.settings.updates
        due = every is not None and update % every == 0
        due = due or self._age() >= self.settings.seconds
        due, end = state.world.any([due, self.asked_to_end])
        if not (due or end):
            return
        state.require_finite(update)
        content = {
            "format": KIND,
            "format_version": VERSION,
            "decided_by": self.decided_by,
            "update": update,
            **state.content(),
        }
        if state.world.first:
            self._write(update, content)
        self._last = time.monotonic()
        if end:
            raise UserError(
                f"The job was asked to end (SIGTERM) and stopped after update {update}. Run again "
                "to go on from there."
            )

    def _age(self) -> float:
        return time.monotonic() - self._last

    def _write(self, update: int, content: dict[str, Any]) -> None:
        path = self.folder / f"update-{update:08d}.pt"
        try:
            write_json(self.folder / DECIDED_BY, self.decided_by)
            write_torch(path, content)
        except UserError as error:
            raise UserError(f"{error} It will go on from the checkpoint before.") from error
        LOG.info("checkpoint after update %d: %s", update, path)
        for old in sorted(self.folder.glob("update-*.pt"))[: -self.settings.keep]:
            old.unlink()

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
        """Remove this round's checkpoints: it is done. Those of other settings stay."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.root.is_dir() and not any(self.root.iterdir()):
            self.root.rmdir()


def _read(path: Path) -> dict[str, Any] | None:
    """A checkpoint's content, or None for one that cannot be used: the one before will do."""
    try:
        return read_torch(path, kind=KIND, version=VERSION, name="checkpoint")
    except NotAsWrittenError as error:
        LOG.warning("%s is passed over: it %s", path, error.reason)
    except UserError as error:
        LOG.warning("%s is passed over: %s", path, error)
    return None


def _differences(one: Any, other: Any) -> str:
    """Which of the values differ, by their dotted names, and how; of a digest, what it is of."""
    flat, flat_other = dict(_leaves("", one)), dict(_leaves("", other))
    names = [n for n in {**flat, **flat_other} if flat.get(n) != flat_other.get(n)]
    return "; ".join(_difference(n, flat.get(n), flat_other.get(n)) for n in names)


def _difference(name: str, there: Any, here: Any) -> str:
    if name.startswith("inputs."):
        return f"another {name.removeprefix('inputs.')}"
    return OF_DIGESTS.get(name, f"{name}: {there} there, {here} here")


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(value, dict):
        yield name, value
        return
    for key, part in value.items():
        yield from _leaves(f"{name}.{key}" if name else key, part)
