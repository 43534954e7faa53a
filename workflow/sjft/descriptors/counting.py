"""Counting: how often each level occurs among the responses of images, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.compiled import compiled
from sjft.descriptors.layer import Layer
from sjft.descriptors.levels import (
    number_of_levels,
    number_of_magnitudes,
    off_grid_levels,
    shift_and_base,
    zero_level,
)
from sjft.descriptors.nonzero import NUMBERS_AT_ONCE, append_nonzero
from sjft.descriptors.packing import PackedCounts, Packer
from sjft.settings.banks.common import LevelGrid

KERNELS_A_BLOCK = 192  # whose histograms' used parts a processor's second cache holds
POSITIONS_AT_ONCE = 8  # of a block, whose levels are listed before they are counted


@dataclass(frozen=True)
class Counted:
    """Some images' counts, and how many of their responses lie outside the grid's octaves.

    What is not finite is among the ``too_large``.
    """

    packed: PackedCounts
    too_small: int
    too_large: int


class LevelCounter:
    """Counts responses image by image; the layers' kernels follow each other as the channels."""

    def __init__(self, layers: Sequence[Layer], grid: LevelGrid, images: int) -> None:
        """Make memory for as many images as will be added before their counts are taken."""
        self._layers = [_Histograms(layer, grid) for layer in layers]
        self._packer = Packer(images * sum(layer.most_entries for layer in self._layers))
        self._occupied = np.empty((images, sum(layer.kernels for layer in layers)), np.uint16)
        self._images = 0
        self._off_grid = np.zeros(2, np.int64)  # too small, too large

    def add(self, responses: Sequence[NDArray[np.float32]]) -> int:
        """Count some images' responses, for each layer float32 [images, kernels, positions].

        Fastest where a position's responses lie side by side, which is what convolutions in
        channels-last order leave. Returns how many responses are too large, or not finite.
        """
        before = int(self._off_grid[1])
        together = [np.ascontiguousarray(r.transpose(0, 2, 1), dtype=np.float32) for r in responses]
        for image in zip(*together, strict=True):
            channel = 0
            for layer, of_layer in zip(self._layers, image, strict=True):
                occupied = self._occupied[self._images, channel : channel + layer.kernels]
                layer.count(of_layer, self._packer, occupied, self._off_grid)
                channel += layer.kernels
            self._images += 1
        return int(self._off_grid[1]) - before

    def take(self) -> Counted:
        """The counts of all images that were added since the last time."""
        packed = self._packer.take(self._occupied[: self._images].copy())
        counted = Counted(packed, *self._off_grid.tolist())
        self._images = 0
        self._off_grid[:] = 0
        return counted


class _Histograms:
    """The histograms of one layer's kernels, empty between one image and the next."""

    def __init__(self, layer: Layer, grid: LevelGrid) -> None:
        self.kernels, self._positions = layer.kernels, layer.positions
        blocks_of_levels = -(-number_of_levels(grid) // NUMBERS_AT_ONCE)
        # An odd number, so that kernels' histograms do not all share the same lines of a cache.
        levels = (blocks_of_levels | 1) * NUMBERS_AT_ONCE
        self.most_entries = layer.kernels * min(layer.positions, levels)
        self._zero, self._off_grid = zero_level(grid), off_grid_levels(grid)
        numbers = [*shift_and_base(grid), number_of_magnitudes(grid), self._zero, levels]
        self._grid = np.array(numbers, np.int32)
        kind: type = np.uint16 if layer.positions <= np.iinfo(np.uint16).max else np.uint32
        # Before the first level is a place that no response has: its number says "nothing".
        self._places: NDArray[Any] = np.zeros(NUMBERS_AT_ONCE + layer.kernels * levels, kind)
        self._levels = self._places[NUMBERS_AT_ONCE:].reshape(layer.kernels, levels)

    def count(
        self,
        responses: NDArray[np.float32],
        packer: Packer,
        occupied: NDArray[np.uint16],
        off_grid: NDArray[np.int64],
    ) -> None:
        """Count and pack one image's responses [positions, kernels]."""
        span = _fill(responses.view(np.int32), self._grid, self._places)
        _add_off_grid(self._levels, self._off_grid, off_grid)
        packer.pack(self._levels, self._positions, self._zero, span, occupied)


# In these loops indices are unsigned: for others numba looks whether they are negative.


@compiled()
def _fill(
    bits: NDArray[np.int32], grid: NDArray[np.int32], histograms: NDArray[Any]
) -> tuple[int, int]:
    """Add one image's responses but for zeros, the bits of float32 [positions, kernels].

    ``histograms``: 16 places, and then [kernels x levels]. Zeros, half of all behind a ReLU, are
    left to whoever knows the sum. Neighbours in memory are counted in different histograms, so that
    none waits for the last. Returns levels which all that were found lie between, both included.
    """
    positions, kernels = np.uint64(bits.shape[0]), np.uint64(bits.shape[1])
    at_once, block = np.uint64(POSITIONS_AT_ONCE), np.uint64(KERNELS_A_BLOCK)
    zero, levels = grid[3], grid[4]
    zeros = np.empty(KERNELS_A_BLOCK, np.int32)
    places = np.empty(KERNELS_A_BLOCK, np.uint32)
    listed = np.empty(POSITIONS_AT_ONCE * KERNELS_A_BLOCK + NUMBERS_AT_ONCE, np.uint32)
    no_sign, nothing = np.int32(0x7FFFFFFF), np.int32(0)
    largest = signs = nothing
    for first in range(np.uint64(0), kernels, block):
        of_block = min(block, kernels - first)
        for kernel in range(KERNELS_A_BLOCK):
            zeros[kernel] = np.int32(NUMBERS_AT_ONCE + zero + (np.int64(first) + kernel) * levels)
        places[:] = 0  # what a block of fewer kernels does not fill
        for start in range(np.uint64(0), positions, at_once):
            found = np.uint64(0)
            for position in range(start, min(start + at_once, positions)):
                for kernel in range(of_block):
                    value = bits[position, first + kernel]
                    magnitude = np.int32(value & no_sign)
                    sign = np.int32(value >> np.int32(31))  # all ones below 0: then it negates
                    from_zero = np.int32(np.int32(_step(magnitude, grid) ^ sign) - sign)
                    place = np.int32(from_zero + zeros[kernel])
                    places[kernel] = place if magnitude != nothing else nothing
                    largest, signs = max(largest, magnitude), np.int32(signs | sign)
                for kernel in range(np.uint64(0), of_block, np.uint64(NUMBERS_AT_ONCE)):
                    found += append_nonzero(places, kernel, listed, found)
            for entry in range(found):
                histograms[listed[entry]] += 1
    furthest = _step(largest, grid)
    return zero - furthest if signs else zero, zero + furthest


@numba.njit(inline="always")
def _step(magnitude: np.int32, grid: NDArray[np.int32]) -> np.int32:
    """How many levels a magnitude, not 0, is away from zero's."""
    bits_dropped, base, magnitudes = grid[0], grid[1], grid[2]
    # The mask changes nothing, and tells the compiler that 32 bits suffice.
    leading = np.int32(magnitude >> np.uint32(np.uint32(bits_dropped) & np.uint32(31)))
    lowest, highest = np.int32(base - np.int32(1)), np.int32(base + magnitudes)
    return np.int32(min(max(leading, lowest), highest) - np.int32(base - np.int32(2)))


@compiled()
def _add_off_grid(
    histograms: NDArray[Any], levels: tuple[int, int, int, int], totals: NDArray[np.int64]
) -> None:
    """Add how many of an image's responses are too small, and too large."""
    lowest, below_zero, above_zero, highest = levels
    for kernel in range(len(histograms)):
        totals[0] += histograms[kernel, below_zero] + histograms[kernel, above_zero]
        totals[1] += histograms[kernel, lowest] + histograms[kernel, highest]
