"""Why source images are near: their divergences by layer and channel, beside random ones'."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.data.table import numbers_in_shards
from sjft.descriptors.file import open_descriptors
from sjft.leakage.table import images_to_exclude, read_leakage
from sjft.progress import progress
from sjft.reports.explorer.inputs import RetrievalFiles
from sjft.retrieval.channels import ChannelTerms
from sjft.retrieval.divergence import Counts
from sjft.retrieval.histograms import (
    IMAGES_A_BLOCK,
    Histograms,
    concatenate,
    open_histograms,
    read_histograms,
    rows_of_shards,
)
from sjft.retrieval.neighbours import Neighbours
from sjft.retrieval.ranking import first_images, usable_sources

POOL = 48  # random images that stand for all: a channel's usual term is their mean
SHOWN = 12  # of them beside a target image
NEAR, APART = 3, 2  # channels that are named of a pair

PAIRS_AT_ONCE = 4096

Ids = NDArray[np.int32]
Rows = NDArray[np.intp]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class ChannelsOfPairs:
    """Some channels of each pair [targets, explained, channels]: which, their terms, the usual."""

    channel: Ids
    term: Values
    usual: Values


@dataclass(frozen=True)
class Comparison:
    """What one way of retrieval says of the shown target images.

    ``sources`` and ``divergences`` [targets, neighbours] are the ranking's; ``random`` and
    ``random_divergences`` [targets, random images] likewise, nearest first. ``by_layer`` float32
    [targets, explained, layers] are terms of the divergence in nats, ``usual_by_layer`` [targets,
    layers] their mean over the ``pool`` of random images.

    ``near`` are the channels whose terms are the furthest below the usual ones, ``apart`` those
    with the largest terms.
    """

    name: str
    bank: str
    layers: list[str]
    channels: list[tuple[int, int]]
    sources: Ids
    divergences: Values
    pool: int
    random: Ids
    random_divergences: Values
    usual_by_layer: Values
    by_layer: Values
    near: ChannelsOfPairs
    apart: ChannelsOfPairs


class _Layers:
    """Sums the channels' terms by layer, in the order of the bank's layers."""

    def __init__(self, layer_of_channel: list[str]) -> None:
        self.names = list(dict.fromkeys(layer_of_channel))
        places = [self.names.index(name) for name in layer_of_channel]
        self._starts = np.array([places.index(place) for place in range(len(self.names))])
        self.channels = [
            (place, row - int(self._starts[place])) for row, place in enumerate(places)
        ]

    def sums(self, terms: NDArray[np.float64]) -> Values:
        return np.add.reduceat(terms, self._starts, axis=-1).astype(np.float32)


def compare(
    files: RetrievalFiles,
    neighbours: Neighbours,
    target_images: pl.DataFrame,
    sources: Mapping[str, pl.DataFrame],
    explained: int,
) -> Comparison:
    """Take the divergences of a ranking's lists apart, which may be cut.

    ``sources`` holds the whole images.csv of each source.
    """
    with open_descriptors(files.descriptors) as file:
        layers = _Layers(file.layer_of_channel)
    targets = _target_histograms(files, target_images, neighbours.targets)
    terms = ChannelTerms(targets, files.epsilon)
    rows = _SourceRows(files, sources, targets.digest_of_bins)
    left_out = {name: images_to_exclude(read_leakage(path)) for name, path in files.leakage.items()}
    pool, of_pool = _random_pool(rows, files.seed, usable_sources(sources, left_out))
    usual, divergences = _against(terms, targets.counts, of_pool)
    lists = neighbours.sources[:, :explained]
    by_layer = np.zeros((*lists.shape, len(layers.names)), np.float32)
    near, apart = (_no_channels(lists.shape, n, usual.shape[1]) for n in (NEAR, APART))
    pairs = progress(rows.pairs(lists), total=None, what="pairs explained", unit="pieces")
    for counts, row, target, place in pairs:
        found = terms.of_pairs(targets.counts, counts, target, row)
        by_layer[target, place] = layers.sums(found)
        _keep(near, (target, place), found, usual[target], usual[target] - found)
        _keep(apart, (target, place), found, usual[target], found)
    random, random_divergences = _some_of(pool, divergences, files.seed)
    return Comparison(
        name=files.name,
        bank=files.bank,
        layers=layers.names,
        channels=layers.channels,
        sources=neighbours.sources,
        divergences=neighbours.divergences,
        pool=len(pool),
        random=random,
        random_divergences=random_divergences,
        usual_by_layer=layers.sums(usual),
        by_layer=by_layer,
        near=near,
        apart=apart,
    )


def _target_histograms(
    files: RetrievalFiles, target_images: pl.DataFrame, shown: NDArray[np.int32]
) -> Histograms:
    """Histograms of the ``shown`` rows of images.csv, in their order."""
    paths = files.target_histograms
    numbers = rows_of_shards(paths, numbers_in_shards(target_images, "train", len(paths)))
    order = np.argsort(numbers)
    together = concatenate([read_histograms(path) for path in paths])
    return together.take(order[np.searchsorted(numbers[order], shown)])


class _SourceRows:
    """Histograms of some source images, wherever they lie, numbered as a ranking numbers them."""

    def __init__(
        self, files: RetrievalFiles, sources: Mapping[str, pl.DataFrame], digest_of_bins: str
    ) -> None:
        starts = first_images(sources)
        self._bins = digest_of_bins
        self._paths: list[Path] = []
        self.numbers: list[Ids] = []
        for name, paths in files.source_histograms.items():
            of_shards = numbers_in_shards(sources[name], "train", len(paths))
            for path, of_shard in zip(paths, of_shards, strict=True):
                self._paths.append(path)
                self.numbers.append(rows_of_shards([path], [of_shard]) + np.int32(starts[name]))

    def pairs(self, lists: Ids) -> Iterator[tuple[Counts, Rows, Rows, Rows]]:
        """All pairs of ``lists`` [targets, places], block by block of the files.

        Yields a block's counts, and of some of its pairs the row of the block, the target, and the
        place. Blocks that no list speaks of are not read.
        """
        order = np.argsort(lists, axis=None, kind="stable")
        ordered = lists.ravel()[order]
        for path, numbers in zip(self._paths, self.numbers, strict=True):
            begins, ends = (
                np.searchsorted(ordered, numbers),
                np.searchsorted(ordered, numbers, side="right"),
            )
            with open_histograms(path, self._bins) as file:
                for first in range(0, len(numbers), IMAGES_A_BLOCK):
                    block = slice(first, first + IMAGES_A_BLOCK)
                    occurs = ends[block] - begins[block]
                    if not occurs.any():
                        continue
                    counts = file.read(block).counts
                    row = np.repeat(np.arange(len(occurs)), occurs)
                    spans = zip(begins[block], ends[block], strict=True)
                    pairs = np.concatenate([order[begin:end] for begin, end in spans])
                    for start in range(0, len(row), PAIRS_AT_ONCE):
                        some = slice(start, start + PAIRS_AT_ONCE)
                        yield counts, row[some], *np.divmod(pairs[some], lists.shape[1])


def _random_pool(rows: _SourceRows, seed: int, usable: pl.DataFrame) -> tuple[Ids, Counts]:
    """Source images that stand for all: their numbers, ascending, and their counts."""
    numbers = np.sort(np.concatenate(rows.numbers))
    numbers = numbers[np.isin(numbers, usable["image"].to_numpy())]
    drawn = np.random.default_rng(seed).permutation(len(numbers))[:POOL]
    pool = np.sort(numbers[drawn])
    counts: Counts | None = None
    for block, row, _, place in rows.pairs(pool[None]):
        if counts is None:
            counts = np.empty((len(pool), *block.shape[1:]), block.dtype)
        counts[place] = block[row]
    assert counts is not None
    return pool, counts


def _against(
    terms: ChannelTerms, targets: Counts, pool: Counts
) -> tuple[NDArray[np.float64], Values]:
    """Each target image's mean terms against the pool, and its divergences to all of it.

    float64 [targets, channels], float32 [targets, pool].
    """
    usual = np.empty(targets.shape[:2])
    divergences = np.empty((len(targets), len(pool)), np.float32)
    for first in range(0, len(targets), IMAGES_A_BLOCK):
        some = slice(first, first + IMAGES_A_BLOCK)
        number = len(targets[some])
        of_target, of_source = np.divmod(np.arange(number * len(pool)), len(pool))
        found = terms.of_pairs(targets[some], pool, of_target, of_source)
        found = found.reshape(number, len(pool), -1)
        usual[some], divergences[some] = found.mean(axis=1), found.sum(axis=2)
    return usual, divergences


def _some_of(pool: Ids, divergences: Values, seed: int) -> tuple[Ids, Values]:
    """Some of the pool for each target image, drawn anew each time, nearest first."""
    shuffled = np.random.default_rng(seed).random(divergences.shape).argsort(axis=1)[:, :SHOWN]
    near = np.take_along_axis(divergences, shuffled, axis=1).argsort(axis=1, kind="stable")
    places = np.take_along_axis(shuffled, near, axis=1)
    return pool[places], np.take_along_axis(divergences, places, axis=1)


def _no_channels(shape: tuple[int, int], wanted: int, channels: int) -> ChannelsOfPairs:
    full = (*shape, min(wanted, channels))
    return ChannelsOfPairs(
        np.zeros(full, np.int32), np.zeros(full, np.float32), np.zeros(full, np.float32)
    )


def _keep(
    kept: ChannelsOfPairs,
    pairs: tuple[Rows, Rows],
    terms: NDArray[np.float64],
    usual: NDArray[np.float64],
    by: NDArray[np.float64],
) -> None:
    """Keep of each pair the channels that are the largest ``by`` something."""
    channel = np.argsort(-by, axis=1, kind="stable")[:, : kept.channel.shape[2]]
    kept.channel[pairs] = channel
    kept.term[pairs] = np.take_along_axis(terms, channel, axis=1)
    kept.usual[pairs] = np.take_along_axis(usual, channel, axis=1)
