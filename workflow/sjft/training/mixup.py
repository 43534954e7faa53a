"""Mixup: pairs are mixed with other pairs of their batch, target with target, source with source.

Of each pair (a target image and the source image beside it) a share stays, and the rest is that of
its partner: pixels and loss alike. Both halves have the same partners and the same share, so that
what stands beside a mixed target image is mixed from the neighbours of both its parts.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sjft.storage.files import stable_integer


@dataclass(frozen=True)
class Mixing:
    """``partners`` int64 [pairs] are places in the batch; ``shares`` float32 [pairs] what stays."""

    partners: NDArray[np.int64]
    shares: NDArray[np.float32]

    def of_process(self, rank: int, processes: int) -> "Mixing":
        """The part of one of several processes, whose partners are places in its own share."""
        share = slice(rank, None, processes)
        return Mixing(self.partners[share] // processes, self.shares[share])


def mixing(alpha: float, seed: int, step: int, pairs: int, processes: int) -> Mixing:
    """How batch ``step`` is mixed: a function of seed, step and the number of processes alone.

    One share a batch, drawn from Beta(alpha, alpha) and turned to the larger side of one half, so
    that an image is mostly itself. Partners are a random order of each process's share of the
    pairs, which is every ``processes``-th: a process has no other images.
    """
    generator = np.random.default_rng(stable_integer("mixup", seed, step))
    share = generator.beta(alpha, alpha)
    partners = np.arange(pairs)
    for first in range(processes):
        partners[first::processes] = generator.permutation(partners[first::processes])
    return Mixing(partners, np.full(pairs, max(share, 1 - share), np.float32))


def mixed(images: Tensor, targets: int, partners: Tensor, shares: Tensor) -> Tensor:
    """Images [targets + sources, ...], each half mixed within itself.

    There are as many sources as ``targets``, or none.
    """
    halves = len(images) // targets
    rows = torch.cat([partners + targets * half for half in range(halves)])
    stays = shares.repeat(halves).view(-1, *[1] * (images.dim() - 1))
    return stays * images + (1 - stays) * images[rows]
