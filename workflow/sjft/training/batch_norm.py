"""Batch norm: what a network normalises by while it is trained."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


def set_training_mode(task: nn.Module, *, frozen: bool) -> None:
    """Switch to training, but leave batch-norm statistics alone where they are frozen.

    What batch norm scales and shifts by is trained in either case.
    """
    task.train()
    if frozen:
        for module in norms_of(task):
            module.eval()


def norms_of(module: nn.Module) -> list[_BatchNorm]:
    """The batch norms of a network; synchronised ones are among them."""
    return [found for found in module.modules() if isinstance(found, _BatchNorm)]


@contextmanager
def statistics_forgotten(module: nn.Module) -> Iterator[None]:
    """A pass in training normalises by its own batch, as always, and leaves nothing behind.

    By torch's own switch: without `track_running_stats` running statistics are not touched.
    """
    norms = norms_of(module)
    before = [norm.track_running_stats for norm in norms]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm, tracked in zip(norms, before, strict=True):
            norm.track_running_stats = tracked
