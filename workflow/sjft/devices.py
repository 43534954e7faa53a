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
