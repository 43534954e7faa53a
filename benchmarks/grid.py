"""What the grid of levels costs: neighbours over its bins against those over unrounded ones.

    python benchmarks/grid.py --output FILE [--data DATA] [--quick]

The reference has the same equal-mass bins, but cut between the responses themselves, and counts
them as float32. One core, some minutes. See benchmarks/sample_images.py for DATA.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from command_line import Row, parser_of, tables, write_results
from isal import isal_zlib
from numpy.typing import NDArray
from sample_images import WEIGHTS, data_or_made, images_in

from sjft.data.pixels import load_pixels
from sjft.descriptors.banks import make_bank
from sjft.descriptors.banks.bank import FilterBank
from sjft.descriptors.counting import LevelCounter
from sjft.descriptors.levels import every_level, zero_level
from sjft.descriptors.packing import PackedCounts, add_up
from sjft.retrieval.bins import Bins, channel_weights, equal_mass_edges
from sjft.retrieval.histograms import Histograms
from sjft.retrieval.search import search_exactly
from sjft.settings.bank import CnnBank, LevelGrid
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.weights import FileWeights

BINS, IMAGES_A_BATCH = 100, 16
NEIGHBOURS, NEIGHBOURS_QUICKLY = (100, 1000), (10, 100)
GRIDS = [LevelGrid(levels_per_octave=number) for number in (32, 64, 128)]


def layers_of(bank: FilterBank, paths: list[Path]) -> Iterator[list[NDArray[np.float32]]]:
    """Responses of each layer, float32 [images, kernels, positions], a batch at a time."""
    for start in range(0, len(paths), IMAGES_A_BATCH):
        batch = paths[start : start + IMAGES_A_BATCH]
        images = torch.stack([bank.prepare(load_pixels(path)) for path in batch])
        yield [layer.numpy() for layer in bank.responses(images)]


def exact_edges(bank: FilterBank, paths: list[Path]) -> list[NDArray[np.float32]]:
    """Inner edges of each channel's bins: zero's own, then equal mass above it (after a ReLU)."""
    kept: list[list[NDArray[np.float32]]] = []
    for layers in layers_of(bank, paths):
        kept += [[image for layer in layers for image in layer[i]] for i in range(len(layers[0]))]
    edges = []
    for channel in zip(*kept, strict=True):
        positive = np.concatenate(channel)
        positive = np.sort(positive[positive > 0])
        places = np.arange(1, BINS - 1) * len(positive) // (BINS - 1)
        smallest = np.array([np.nextafter(np.float32(0), np.float32(1))])
        inner = positive[places] if len(positive) else np.empty(0, np.float32)
        edges.append(np.concatenate([smallest, inner]))
    return edges


def grid_edges(counted: list[PackedCounts], grid: LevelGrid) -> list[NDArray[np.int32]]:
    """The program's own edges, channel by channel, from the counts of the target's batches."""
    levels = every_level(counted[0].occupied.shape[1], grid)
    mass = np.zeros((1, *levels.shape), np.int64)
    for packed in counted:
        add_up(packed, levels, mass)
    return [equal_mass_edges(channel, BINS, zero_level(grid)) for channel in mass[0]]


def over_grid(counted: list[PackedCounts], edges: list[NDArray[np.int32]]) -> NDArray[np.uint16]:
    """Histograms uint16 [images, channels, bins] of batches of counts."""
    weight, positions = np.empty(0), np.empty(0, np.int64)
    bin_of_level = Bins(np.stack(edges), weight, positions, {}, "").bin_of_level()
    batches = [np.zeros((*packed.occupied.shape, BINS), np.uint16) for packed in counted]
    for packed, counts in zip(counted, batches, strict=True):
        add_up(packed, bin_of_level, counts)
    return np.concatenate(batches)


def measured(
    bank: FilterBank, paths: list[Path], edges: list[NDArray[np.float32]]
) -> tuple[NDArray[np.uint16], list[list[PackedCounts]]]:
    """Histograms over exact edges; and by grid and batch the counts over its levels."""
    exact: list[NDArray[np.uint16]] = []
    counted: list[list[PackedCounts]] = [[] for _ in GRIDS]
    counters = [LevelCounter(bank.layers, grid, IMAGES_A_BATCH) for grid in GRIDS]
    for layers in layers_of(bank, paths):
        for counter, of_grid in zip(counters, counted, strict=True):
            counter.add(layers)
            of_grid.append(counter.take().packed)
        for image in range(len(layers[0])):
            channels = [channel for layer in layers for channel in layer[image]]
            bins = [
                np.bincount(np.searchsorted(e, c, side="right"), minlength=BINS)
                for c, e in zip(channels, edges, strict=True)
            ]
            exact.append(np.stack(bins).astype(np.uint16))
    return np.stack(exact), counted


def neighbours(
    bank: FilterBank, target: NDArray[np.uint16], source: NDArray[np.uint16], number: int
) -> NDArray[np.int32]:
    """Each target image's nearest source images, int32 [targets, neighbours]."""
    names = [layer.name for layer in bank.layers for _ in range(layer.kernels)]
    positions = np.array([layer.positions for layer in bank.layers for _ in range(layer.kernels)])
    weight = channel_weights(names, None)
    targets, sources = (
        Histograms(np.arange(len(c), dtype=np.int32), c, positions, weight, "", "")
        for c in (target, source)
    )
    return search_exactly(targets, sources, number, RetrievalSettings(bank="any").epsilon).sources


def kilobytes(counted: list[PackedCounts]) -> float:
    """Size of the packed counts an image, deflated."""
    parts = [part.tobytes() for packed in counted for part in vars(packed).values()]
    size = sum(len(isal_zlib.compress(part, 1)) for part in parts)
    return size / sum(len(packed.occupied) for packed in counted) / 1000


def overlap(one: NDArray[np.int32], other: NDArray[np.int32], number: int) -> float:
    """Share, in per cent, of the nearest neighbours that two lists have in common."""
    pairs = zip(one[:, :number], other[:, :number], strict=True)
    return float(100 * np.mean([len(np.intersect1d(a, b)) / number for a, b in pairs]))


def measure(data: Path, sizes: tuple[int, int], numbers: tuple[int, int]) -> list[Row]:
    """A row for each grid, of so many target and source images."""
    settings = CnnBank(
        type="cnn",
        network="squeezenet1_1",
        layers=("features.0", "features.3.squeeze"),
        weights=FileWeights(source="file", path=str(WEIGHTS)),
        resize=128,
        crop=112,
    )
    bank = make_bank(settings, data / WEIGHTS)
    paths = [
        [data / path for path in images_in(data, name).some(number).paths]
        for name, number in zip(("flowers17/train", "miniimagenet/train"), sizes, strict=True)
    ]
    edges = exact_edges(bank, paths[0])
    exact_target, target_counts = measured(bank, paths[0], edges)
    exact_source, source_counts = measured(bank, paths[1], edges)
    reference = neighbours(bank, exact_target, exact_source, max(numbers))
    rows = []
    for grid, of_target, of_source in zip(GRIDS, target_counts, source_counts, strict=True):
        own = grid_edges(of_target, grid)
        both = over_grid(of_target, own), over_grid(of_source, own)
        found = neighbours(bank, *both, max(numbers))
        row: Row = {"levels an octave": grid.levels_per_octave}
        row |= {f"top {n}, %": round(overlap(found, reference, n), 2) for n in numbers}
        rows.append({**row, "kB an image": round(kilobytes(of_source), 1)})
    return rows


def check(rows: list[Row]) -> None:
    """Finer grids take more room, and all keep most of the neighbours."""
    sizes = [row["kB an image"] for row in rows]
    assert sizes == sorted(sizes), rows
    assert all(share > 80 for row in rows for name, share in row.items() if "top" in name), rows


def main() -> None:
    """Measure, write the table, and check."""
    parser = parser_of(__doc__)
    parser.add_argument("--targets", type=int, default=150)
    parser.add_argument("--sources", type=int, default=2500)
    chosen = parser.parse_args()
    sizes = (12, 200) if chosen.quick else (chosen.targets, chosen.sources)
    numbers = NEIGHBOURS_QUICKLY if chosen.quick else NEIGHBOURS
    with tempfile.TemporaryDirectory() as folder:
        data = data_or_made(chosen.data, Path(folder), chosen.quick)
        found = {"Neighbours that stay, by the grid of levels": measure(data, sizes, numbers)}
    write_results(chosen.output, tables(found), {"tables": found})
    check(*found.values())


if __name__ == "__main__":
    main()
