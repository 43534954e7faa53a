"""The adaptive bins, drawn into the responses that they were made from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.descriptors.levels import level_boundaries, zero_level
from sjft.errors import UserError
from sjft.reports.report_page import charts
from sjft.reports.report_page.blocks import Block, Chart, Section, Table, Text, percent
from sjft.reports.report_page.inputs import RetrievalFiles
from sjft.retrieval.bins import mass_of_levels, read_bins

WORST = ("the worst", "the second worst", "the third worst")  # that are drawn, and the best
COLUMNS = 200  # of a drawing, at most
TICKS = 6

EXPLAINED = (
    "A filter's responses are counted on fixed levels, and neighbouring levels are joined to "
    "bins, so that each holds the same share of the target's responses as far as levels allow. "
    "A response of exactly 0, which half and more of them may be, has a bin of its own. A channel "
    "tells images apart as well as so many equally heavy bins would: that number, exp(H) with H "
    "the entropy of its bins' shares, is the measure here; the channel with the smallest is worst."
)


@dataclass(frozen=True)
class _Channels:
    """``mass`` int64 [channels, levels] of the target's responses, ``edges`` [channels, bins + 1].

    ``in_bins`` int64 [channels, bins]; ``values`` float64 [levels + 1] are the levels' boundaries.
    """

    names: list[str]
    mass: NDArray[np.int64]
    edges: NDArray[np.int32]
    in_bins: NDArray[np.int64]
    values: NDArray[np.float64]
    zero: int

    @property
    def as_good_as(self) -> NDArray[np.float64]:
        """How many equally heavy bins would tell as much, float64 [channels]."""
        shares = self.in_bins / self.in_bins.sum(axis=1, keepdims=True)
        logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
        return np.asarray(np.exp(-(shares * logs).sum(axis=1)))

    def same_as(self, other: "_Channels") -> bool:
        """Whether these are the same bins of the same responses."""
        return np.array_equal(self.mass, other.mass) and np.array_equal(self.edges, other.edges)


def bins(retrievals: Sequence[RetrievalFiles]) -> Section:
    """Of each retrieval the worst channels' responses with their bins, the best's, and a table.

    Raises `UserError` where bins and descriptors do not belong together.
    """
    if not retrievals:
        return Section("bins", "Bins", [Text("No arm uses bins.")])
    blocks: list[Block] = [Text(EXPLAINED)]
    seen: dict[str, _Channels] = {}
    for files in retrievals:
        channels = _read(files.bins, files.descriptors)
        if len(retrievals) > 1:
            same = next((name for name, other in seen.items() if channels.same_as(other)), None)
            seen[files.name] = channels
            blocks.append(
                Text(f"Bins of the {files.told}:" if same is None else _same(files, same))
            )
            if same is not None:
                continue
        blocks += _drawn_and_listed(channels, f" of {files.bank}" if len(retrievals) > 1 else "")
    return Section("bins", "Bins", blocks)


def _same(files: RetrievalFiles, other: str) -> str:
    return f"The bins of the {files.told} are those of `{other}`."


def _drawn_and_listed(channels: _Channels, of_bank: str) -> list[Block]:
    """``of_bank`` stands behind the names of channels where there are several retrievals."""
    measure = channels.as_good_as
    order = np.argsort(measure, kind="stable")
    shown = dict(zip(order.tolist(), WORST, strict=False))
    shown.setdefault(int(order[-1]), "the best")
    drawn = [
        _drawn(channels, channel, rank + of_bank, float(measure[channel]))
        for channel, rank in shown.items()
    ]
    return [*drawn, _table(channels, order, measure, of_bank)]


def _read(path: Path, descriptors: Sequence[Path]) -> _Channels:
    found = read_bins(path)
    mass, first = mass_of_levels(descriptors)
    if found.bank != first.bank or len(found.edges) != len(mass):
        raise UserError(
            f"{path}: was made from other descriptors than {first.path}. Remove it and run again."
        )
    total = np.concatenate([np.zeros((len(mass), 1), np.int64), mass.cumsum(axis=1)], axis=1)
    in_bins = np.diff(np.take_along_axis(total, found.edges.astype(np.int64), axis=1), axis=1)
    layers = first.layer_of_channel
    names = [
        f"{layer}, channel {channel - layers.index(layer)}" for channel, layer in enumerate(layers)
    ]
    return _Channels(
        names, mass, found.edges, in_bins, level_boundaries(first.grid), zero_level(first.grid)
    )


def _table(
    channels: _Channels, order: NDArray[np.intp], measure: NDArray[np.float64], of_bank: str
) -> Table:
    rows = []
    for channel in order.tolist():
        of_bins = channels.in_bins[channel]
        all_of_it = int(of_bins.sum())
        rows.append(
            [
                channels.names[channel],
                f"{measure[channel]:.1f}",
                int((of_bins > 0).sum()),
                percent(int(of_bins.max()) / all_of_it),
                percent(int(channels.mass[channel, channels.zero]) / all_of_it),
            ]
        )
    caption = f"All channels{of_bank}, of {channels.in_bins.shape[1]} bins each, the worst first"
    head = ["channel", "as good as so many equal bins", "bins in use", "largest bin", "exactly 0"]
    return Table(caption, head, rows)


##### one channel #####


def _drawn(channels: _Channels, channel: int, rank: str, measure: float) -> Block:
    mass, edges = channels.mass[channel], channels.edges[channel]
    name, all_of_it = channels.names[channel], int(mass.sum())
    at_zero = percent(int(mass[channels.zero]) / all_of_it)
    besides = mass.copy()
    besides[channels.zero] = 0
    occupied = np.flatnonzero(besides)
    if not len(occupied):
        return Text(f"{name} ({rank}): all responses are exactly 0.")
    low, high = int(occupied[0]), int(occupied[-1]) + 1
    return _chart(
        channels,
        besides / all_of_it,
        edges,
        (low, high),
        f"{name} ({rank})",
        f"{at_zero} of the responses are exactly 0 and not drawn. The others by their level, from "
        f"{channels.values[low]:.3g} to {channels.values[high]:.3g}; each stripe is a bin, "
        f"{int((channels.in_bins[channel] > 0).sum())} of them hold something, and they are as "
        f"good as {measure:.1f} equally heavy ones.",
    )


def _chart(
    channels: _Channels,
    shares: NDArray[np.float64],
    edges: NDArray[np.int32],
    span: tuple[int, int],
    title: str,
    meaning: str,
) -> Chart:
    low, high = span
    joined = -(-(high - low) // COLUMNS)
    starts = np.arange(low, high, joined)
    ends = np.minimum(starts + joined, high)
    bars = pl.DataFrame(
        {
            "from": starts,
            "to": ends,
            "share": [100 * float(shares[a:b].sum()) for a, b in zip(starts, ends, strict=True)],
        }
    )
    inside = np.unique(np.clip(edges, low, high))
    stripes = pl.DataFrame({"from": inside[:-1], "to": inside[1:]})
    ticks = np.unique(np.linspace(low, high, TICKS).round().astype(int))
    labels = {int(level): f"{channels.values[level]:.2g}" for level in ticks}
    told = f" A column joins {joined} levels." if joined > 1 else ""
    return charts.levels(bars, stripes, labels, title, meaning + told)
