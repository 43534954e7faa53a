"""Where networks run, and how a job's threads are shared between them and the loading of images."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from sjft.errors import UserError


def choose_device(name: str, key: str = "training.device") -> torch.device:
    """The device that the configuration names; raises `UserError` for a GPU that isn't there."""
    if name == "cuda" and not torch.cuda.is_available():
        raise UserError(
            f"{key}: `cuda` is asked for, but torch finds no CUDA device. Set it to "
            "`auto` or `cpu`, or run where there is a GPU."
        )
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def workers(threads: int, device: torch.device) -> int:
    """Processes that load images: beside a GPU all threads but one, beside a CPU one in four.

    With fewer than four threads there is none: it would take a core from the convolutions.
    """
    return threads - 1 if device.type == "cuda" else threads // 4


@contextmanager
def torch_threads(number: int) -> Iterator[None]:
    """Let torch use so many threads in this process, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def loading_threads(threads: int, device: torch.device) -> int:
    """Threads that prepare batches of training: beside a GPU all but one, beside a CPU all.

    Beside a CPU they work while the network waits: see `sjft.training.loading`.
    """
    return max(1, threads - 1) if device.type == "cuda" else threads


TRAINING = (
    "training. Lower training.target_batch and raise training.accumulate by the same factor, which "
    "leaves the size of an update as it is; or lower training.input_size, or "
    "training_jobs.cache_mb. Checkpoints were kept."
)
SCORING = "scoring. Lower evaluation.batch (of a command, --batch): crops that are scored at once."


@contextmanager
def explained_memory(where_and_advice: str = TRAINING) -> Iterator[None]:
    """Turn running out of memory into a `UserError` that says in what, and what to lower."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        words = ("out of memory", "can't allocate memory", "ALLOC_FAILED")
        full = isinstance(error, (MemoryError, torch.OutOfMemoryError))
        if not full and not any(word in str(error) for word in words):
            raise
        where = "GPU" if "CUDA" in str(error) or "CUDNN" in str(error) else "machine"
        raise UserError(f"The {where} has run out of memory in {where_and_advice}") from error
