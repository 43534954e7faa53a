"""Several processes that train together, on this machine: what torchrun does, within a job.

A function is run in each of them, in a process group over NCCL for GPUs and gloo for CPUs. Their
log records come to this process's log. When one fails the others are ended, and what it had to say
to the user is raised here.
"""

import logging
import logging.handlers
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import distributed
from torch.multiprocessing.spawn import (
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    start_processes,
)

from sjft.errors import UserError
from sjft.storage.files import write_text
from sjft.training.world import World

GRACE_SECONDS = 5.0  # for the others, when one has failed


def in_processes(number: int, backend: str, function: Callable[..., object], *given: Any) -> None:
    """Call ``function(world, *given)`` in so many new processes, and wait for all of them.

    The function and what it is given are pickled. The processes share this one's threads out, and
    SIGTERM is passed on to them. Raises the `UserError` that one of them raised, and `UserError`
    for one that was killed.
    """
    records = torch.multiprocessing.get_context("spawn").Queue()
    with tempfile.TemporaryDirectory() as folder, _logged(records):
        member = _Member(
            number,
            backend,
            Path(folder),
            max(1, torch.get_num_threads() // number),
            torch.are_deterministic_algorithms_enabled(),
            records,
        )
        processes = start_processes(  # type: ignore[no-untyped-call]
            member, (function, *given), number, join=False
        )
        assert processes is not None
        with _passing_termination_on(processes):
            _wait(processes, Path(folder))


@dataclass(frozen=True)
class _Member:
    """What each process does, as something that can be pickled."""

    number: int
    backend: str
    folder: Path
    threads: int
    deterministic: bool
    records: Any

    def __call__(self, rank: int, function: Callable[..., object], *given: Any) -> None:
        root = logging.getLogger()
        root.addHandler(logging.handlers.QueueHandler(self.records))
        root.setLevel(logging.INFO if rank == 0 else logging.WARNING)
        logging.captureWarnings(True)
        torch.set_num_threads(self.threads)
        torch.use_deterministic_algorithms(self.deterministic, warn_only=True)
        # All are on this machine, whose name need not be known to any network.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
        on_gpus = self.backend == "nccl"
        with torch.cuda.device(rank) if on_gpus else nullcontext():
            distributed.init_process_group(
                self.backend,
                init_method=(self.folder / "rendezvous").as_uri(),
                rank=rank,
                world_size=self.number,
            )
            group = distributed.new_group(backend="gloo") if on_gpus else None
            try:
                function(World(rank, self.number, group), *given)
            except UserError as error:
                write_text(self.folder / f"{rank}.txt", str(error))
                sys.exit(1)
            distributed.destroy_process_group()


def _wait(processes: ProcessContext, folder: Path) -> None:
    try:
        while not processes.join(grace_period=GRACE_SECONDS):
            pass
    except (ProcessExitedException, ProcessRaisedException) as error:
        for said in sorted(folder.glob("*.txt")):
            raise UserError(said.read_text(encoding="utf-8")) from None
        if not isinstance(error, ProcessExitedException):
            raise
        raise UserError(
            f"One of the processes that train together was ended from outside ({error}). SIGKILL "
            "often means that the machine's memory was full: lower training.target_batch or "
            "training_jobs.cache_mb. Run again to go on from the last checkpoint."
        ) from None
    finally:
        for process in processes.processes:
            process.kill()
            process.join()


@contextmanager
def _logged(records: Any) -> Iterator[None]:
    listener = logging.handlers.QueueListener(records, *logging.getLogger().handlers)
    listener.start()
    try:
        yield
    finally:
        listener.stop()


@contextmanager
def _passing_termination_on(processes: ProcessContext) -> Iterator[None]:
    def pass_on(number: int, _frame: FrameType | None) -> None:
        for process in processes.processes:
            if process.is_alive():
                os.kill(process.pid, number)

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
