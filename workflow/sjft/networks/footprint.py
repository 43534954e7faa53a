"""What networks take of memory and arithmetic, found without memory for any weight.

Passes forward and back over networks of meta tensors count
what would be alive at the same time, and what would be computed. `python -m
sjft.networks.footprint` writes the table that `sjft.networks.footprints` reads.
"""

import csv
import sys
import warnings
import weakref
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from sjft.networks.footprints import SIDE, TABLE, Footprint
from sjft.networks.meta import META, EmptyOnMeta
from sjft.networks.pretrained import without_auxiliary_classifiers

FEW, MORE = 16, 32  # images of two passes, whose difference is what an image takes


class _Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most bytes of tensors that were alive at once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._known: dict[int, int] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor) and (key := tensor.untyped_storage()._cdata) not in (
                self._known
            ):
                storage = tensor.untyped_storage()
                self._known[key] = storage.nbytes()
                self.now += storage.nbytes()
                self.peak = max(self.peak, self.now)
                weakref.finalize(storage, self._gone, key)
        return made

    def _gone(self, key: int) -> None:
        self.now -= self._known.pop(key)


def footprint(name: str) -> Footprint:
    """Of one of torchvision's classification networks."""
    with EmptyOnMeta(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of initial weights that are to change some day
        network = without_auxiliary_classifiers(models.get_model(name, weights=None)).to(META)
    state = network.state_dict().values()
    weights = sum(tensor.numel() * tensor.element_size() for tensor in state)
    training, scoring = (
        (_peak(network, MORE, mode) - _peak(network, FEW, mode)) / (MORE - FEW)
        for mode in (True, False)
    )
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        network.eval()(torch.empty(1, 3, SIDE, SIDE, device=META))
    return Footprint(
        weights=round(weights / 1e6, 2),
        training=round(training / 1e6, 2),
        scoring=round(scoring / 1e6, 2),
        forward=round(counted.get_total_flops() / 1e9, 3),
    )


def _peak(network: nn.Module, images: int, training: bool) -> int:
    network.train(training)
    with _Alive() as alive:
        batch = torch.empty(images, 3, SIDE, SIDE, device=META)
        if training:
            network(batch).sum().backward()
            network.zero_grad()
        else:
            with torch.inference_mode():
                network(batch)
    peak: int = alive.peak
    return peak


def main() -> None:
    """Write the table anew."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["network", *Footprint._fields])
        for name in models.list_models(module=models):
            rows.writerow([name, *footprint(name)])
            print(name, file=sys.stderr)


if __name__ == "__main__":
    main()
