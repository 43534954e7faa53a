"""Equal-mass bins: per channel, unequal bins with the same share each of the target's responses.

Paper, section 3.2. Three things that plain quantiles get wrong are settled here:

- A ReLU puts half and more of all responses at exactly 0. Where 0 occurs it has a bin of its own,
  and the other bins share the rest equally, on either side of it.
- A level heavier than a bin's share has a bin of its own, and the other bins share the rest.
  (Where there are fewer bins than such levels and gaps between them, the lightest go without.)
- A channel with fewer occupied levels than bins (a constant one, say) has one bin a level, one each
  for what lies below and above them as far as bins are left, and the remaining bins stay empty.

Bins join whole levels, so histograms over them are exact sums of level counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sjft.descriptors.file import DescriptorFile, open_descriptors, require_same_bank
from sjft.descriptors.levels import level_boundaries, number_of_levels, zero_level
from sjft.progress import progress
from sjft.storage.hdf5 import Variable, config_of, create_hdf5, open_hdf5

KIND, VERSION = "sjft-bins", 1
IMAGES_A_BLOCK = 64


@dataclass(frozen=True)
class Bins:
    """The bins of a pairing of target and bank.

    ``edges`` int32 [channels, bins + 1]: bin b holds the levels edges[b] <= level < edges[b + 1].
    ``weight`` float64 [channels]: w_c of the divergence. ``positions`` int64 [channels].
    """

    edges: NDArray[np.int32]
    weight: NDArray[np.float64]
    positions: NDArray[np.int64]
    bank: dict[str, Any]
    digest: str

    def bin_of_level(self) -> NDArray[np.uint16]:
        """The bin of each level, uint16 [channels, levels]."""
        bins = np.arange(self.edges.shape[1] - 1, dtype=np.uint16)
        return np.stack([np.repeat(bins, np.diff(edges)) for edges in self.edges])


def mass_of_levels(paths: Sequence[Path]) -> tuple[NDArray[np.int64], DescriptorFile]:
    """Sum all shards' counts to int64 [channels, levels]; also the first file's header.

    Raises `UserError` where the shards were made with different banks.
    """
    with open_descriptors(paths[0]) as first:
        mass = np.zeros((len(first.positions), number_of_levels(first.grid)), np.int64)
    for path in progress(paths, total=len(paths), what="bins", unit="shards"):
        with open_descriptors(path) as file:
            require_same_bank(file, first.bank, first.path)
            mass += file.mass(IMAGES_A_BLOCK)
    return mass, first


def equal_mass_edges(mass: NDArray[np.int64], bins: int, zero: int) -> NDArray[np.int32]:
    """Edges, int32 [bins + 1], of one channel's bins over its levels' masses, int64 [levels].

    The first edge is 0, the last the number of levels; empty bins at the end repeat the last.
    """
    occupied = np.flatnonzero(mass)
    if len(occupied) <= bins:
        groups = [(place, place) for place in range(len(occupied))]
    else:
        at_zero = int(np.searchsorted(occupied, zero)) if mass[zero] else None
        groups = _groups(mass[occupied], bins, at_zero)
    first = [int(occupied[start]) for start, _ in groups]
    last = [int(occupied[end]) for _, end in groups]
    # Levels without mass join the bin on their right, but never zero's.
    starts = [0] + [
        here if here == zero else before + 1
        for here, before in zip(first[1:], last[:-1], strict=True)
    ]
    # Values beyond the target's bounds fall into the last or first bin, unless bins are left.
    if groups and len(starts) < bins and last[-1] + 1 < len(mass):
        starts.append(last[-1] + 1)
    if groups and len(starts) < bins and first[0] > 0:
        starts.insert(1, first[0])
    return np.array(starts + [len(mass)] * (bins + 1 - len(starts)), np.int32)


def _groups(mass: NDArray[np.int64], bins: int, zero: int | None) -> list[tuple[int, int]]:
    """First and last place of each bin, over the masses of more occupied levels than bins."""
    own = _places_with_own_bin(mass, bins, zero)
    runs = _runs_between(own, len(mass))
    numbers = _share_out(bins - len(own), [int(mass[a:b].sum()) for a, b in runs], runs)
    groups = [(place, place) for place in own]
    for (start, end), number in zip(runs, numbers, strict=True):
        cuts = [start, *(start + cut for cut in _cuts(mass[start:end], number)), end]
        groups += [(a, b - 1) for a, b in pairwise(cuts)]
    return sorted(groups)


def _places_with_own_bin(mass: NDArray[np.int64], bins: int, zero: int | None) -> list[int]:
    """Zero, and every level heavier than the share that is left to the bins of the others."""
    own = np.zeros(len(mass), bool)
    if zero is not None:
        own[zero] = True
    while True:
        share = mass[~own].sum() / (bins - own.sum())
        # They are fewer than the bins that are left: so many would be more than all the mass.
        heavier = ~own & (mass > share)
        if not heavier.any():
            break
        own |= heavier
    # Each run of levels between own bins needs a bin as well: let the lightest go.
    while own.sum() + len(_runs_between(list(np.flatnonzero(own)), len(mass))) > bins:
        lightest = min((p for p in np.flatnonzero(own) if p != zero), key=lambda p: int(mass[p]))
        own[lightest] = False
    return [int(place) for place in np.flatnonzero(own)]


def _runs_between(own: list[int], places: int) -> list[tuple[int, int]]:
    bounds = [-1, *own, places]
    return [(a + 1, b) for a, b in pairwise(bounds) if b > a + 1]


def _share_out(bins: int, masses: list[int], runs: list[tuple[int, int]]) -> list[int]:
    """Give each run a bin, and every further one to the run whose bins are heaviest."""
    numbers = [1] * len(runs)
    room = [end - start for start, end in runs]
    for _ in range(bins - len(runs)):
        open_runs = [run for run in range(len(runs)) if numbers[run] < room[run]]
        numbers[max(open_runs, key=lambda run: masses[run] / numbers[run])] += 1
    return numbers


def _cuts(mass: NDArray[np.int64], bins: int) -> list[int]:
    """Inner cuts of one run into so many bins, each as near as can be to its quantile."""
    total = np.concatenate([[0], np.cumsum(mass)])
    cuts, cut = [], 0
    for number in range(1, bins):
        wanted = total[-1] * (number / bins)
        end = int(np.searchsorted(total, wanted))
        if wanted - total[end - 1] < total[end] - wanted:
            end -= 1
        cut = min(max(end, cut + 1), len(mass) - (bins - number))
        cuts.append(cut)
    return cuts


def channel_weights(
    layer_of_channel: Sequence[str], layer_weights: dict[str, float] | None
) -> NDArray[np.float64]:
    """w_c, float64 [channels]: the layer's weight, shared by its kernels; all sum to 1."""
    layers = list(dict.fromkeys(layer_of_channel))
    weights = layer_weights or dict.fromkeys(layers, 1.0)
    total = sum(weights[layer] for layer in layers)
    kernels = {layer: layer_of_channel.count(layer) for layer in layers}
    return np.array([weights[layer] / total / kernels[layer] for layer in layer_of_channel])


def equalise_bins(
    paths: Sequence[Path], bins: int, layer_weights: dict[str, float] | None, output: Path
) -> None:
    """Find the bins of a target from its descriptor shards and write them to ``output``."""
    mass, target = mass_of_levels(paths)
    zero = zero_level(target.grid)
    edges = np.stack([equal_mass_edges(channel, bins, zero) for channel in mass])
    cumulative = np.concatenate([np.zeros((len(mass), 1), np.int64), mass.cumsum(axis=1)], axis=1)
    in_bin = np.diff(np.take_along_axis(cumulative, edges.astype(np.int64), axis=1), axis=1)
    channel_bin = ("channel", "bin")
    with create_hdf5(
        output,
        kind=KIND,
        version=VERSION,
        config={"bins": bins, "layer_weights": layer_weights, "bank": target.bank},
        inputs={path.name: _digest(path) for path in paths},
    ) as writer:
        for name, variable in {
            "edge_level": Variable(
                edges,
                ("channel", "edge"),
                "First level of each bin; the last edge ends it",
                "level",
            ),
            "edge_value": Variable(
                level_boundaries(target.grid)[edges], ("channel", "edge"), "Response at each edge"
            ),
            "mass": Variable(in_bin, channel_bin, "The target's responses in each bin"),
            "weight": Variable(
                channel_weights(target.layer_of_channel, layer_weights),
                ("channel",),
                "w_c of the divergence: the layer's weight over its number of kernels",
            ),
            "positions": Variable(target.positions, ("channel",), "Responses per image"),
        }.items():
            writer.add(name, variable)


def _digest(path: Path) -> str:
    with open_descriptors(path) as file:
        return file.digest


def read_bins(path: Path) -> Bins:
    """Read the bins of a pairing; raises `UserError` for any other file."""
    with open_hdf5(path, kind=KIND, version=VERSION) as file:
        return Bins(
            edges=file["edge_level"][:],
            weight=file["weight"][:],
            positions=file["positions"][:],
            bank=config_of(file)["bank"],
            digest=str(file.attrs["digest"]),
        )
