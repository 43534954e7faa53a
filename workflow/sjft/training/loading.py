"""Loading: batches prepared by threads, and handed over ready on the device.

Threads and not processes, so that there is one cache of decoded images; decoding and resizing
hold no lock of Python's. Beside a GPU, batches are prepared ahead while it computes. On a CPU that
would take cores from the network: there all threads together prepare the next batch, and then the
network has all of them.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Protocol

import torch

from sjft.networks.devices import loading_threads
from sjft.networks.preprocess import normalised
from sjft.settings.training import TrainingSettings
from sjft.training.batches import Batch, Outline

BATCHES_AHEAD = 3
Promised = tuple[Outline, list[Future[None]]]


class Prepared(Protocol):
    """Batches that threads fill with images: those of training, or of validation."""

    def outline(self, step: int, *, pinned: bool = False) -> Outline:
        """Say what batch ``step`` holds."""

    def fill(self, outline: Outline, places: slice) -> None:
        """Make its images at some places."""


def load_batches(
    batches: Prepared,
    steps: range,
    settings: TrainingSettings,
    threads: int,
    device: torch.device,
) -> Iterator[Batch]:
    """These steps' batches: on the device, normalised float32, channels last.

    Raises `BadImageError` for an image that cannot be used.
    """
    on_gpu = device.type == "cuda"
    number = loading_threads(threads, device)
    promised: deque[Promised] = deque()
    # Each of them resizes alone: torch's own threads within each would be threads times threads.
    pool = ThreadPoolExecutor(number, "loading", torch.set_num_threads, (1,))

    def promise(step: int) -> Promised:
        outline = batches.outline(step, pinned=on_gpu)
        parts = [slice(part, None, number) for part in range(min(number, len(outline.paths)))]
        return outline, [pool.submit(batches.fill, outline, part) for part in parts]

    try:
        for step in steps:
            promised.append(promise(step))
            if len(promised) > (BATCHES_AHEAD if on_gpu else 0):
                yield _ready(promised.popleft(), settings, device)
        while promised:
            yield _ready(promised.popleft(), settings, device)
    finally:
        pool.shutdown(cancel_futures=True)


def _ready(promised: Promised, settings: TrainingSettings, device: torch.device) -> Batch:
    outline, parts = promised
    for part in parts:
        part.result()
    batch = outline.batch.to(device)
    return replace(batch, images=normalised(batch.images, settings.mean, settings.std))
