"""Counting: how often each level occurs among the responses of a batch, image by image."""

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.levels import number_of_levels, number_of_magnitudes, shift_and_base, zero_level
from sjft.packing import COUNT_BITS, LARGEST_COUNT, LARGEST_STEP, PackedCounts
from sjft.settings.bank import LevelGrid

LEVELS_A_WORD = 4  # counts of 16 bits in a word of 64
KERNELS_A_BLOCK = 64  # whose histograms' used parts a processor's first cache holds


@dataclass(frozen=True)
class Counted:
    """A batch's counts, and how many of its responses lie outside the grid's octaves.

    What is not finite is among the ``too_large``.
    """

    packed: PackedCounts
    too_small: int
    too_large: int


def count_layers(layers: Sequence[NDArray[np.float32]], grid: LevelGrid) -> Counted:
    """Count the responses of layers, each float32 [images, kernels, positions], over the levels.

    The layers' kernels follow each other as the batch's channels. Fastest where a position's
    responses lie side by side, which is what convolutions in channels-last order leave.
    """
    counters = [_Counter(layer, grid) for layer in layers]
    images = len(layers[0])
    ends = np.cumsum([0, *(counter.kernels for counter in counters)])
    occupied = np.empty((images, ends[-1]), np.uint16)
    lists = _Lists(images * sum(counter.room for counter in counters))
    for image in range(images):
        for counter, first, end in zip(counters, ends[:-1], ends[1:], strict=True):
            counter.count(image, occupied[image, first:end], lists)
    return lists.counted(occupied)


class _Lists:
    """What grows from image to image: packed entries, and what does not fit into one."""

    def __init__(self, room: int) -> None:
        """Make room for so many entries, of which each might be a large one."""
        room += 1  # what is not kept is written too
        self.entries = np.empty(room, np.uint8)
        self.large_steps = np.empty(room, np.uint16)
        self.large_counts = np.empty(room, np.uint32)
        # Entries, large ones among them, and responses that are too small and too large.
        self.totals = np.zeros(4, np.int64)

    def counted(self, occupied: NDArray[np.uint16]) -> Counted:
        """All that was listed, with the number of entries of each image and channel."""
        used, large, too_small, too_large = self.totals.tolist()
        packed = PackedCounts(
            occupied,
            self.entries[:used].copy(),
            self.large_steps[:large].copy(),
            self.large_counts[:large].copy(),
        )
        return Counted(packed, too_small, too_large)


class _Counter:
    """The histograms of one layer's kernels, for one image after the other."""

    def __init__(self, responses: NDArray[np.float32], grid: LevelGrid) -> None:
        in_order = np.ascontiguousarray(responses.transpose(0, 2, 1), dtype=np.float32)
        self._bits = in_order.view(np.int32)
        _, positions, self.kernels = self._bits.shape
        words = -(-number_of_levels(grid) // LEVELS_A_WORD)
        self.room = self.kernels * min(positions, words * LEVELS_A_WORD)
        numbers = [*shift_and_base(grid), number_of_magnitudes(grid), zero_level(grid)]
        self._grid = np.array(numbers, np.int32)
        # The same memory twice: most of it is 0, and is passed over a word of levels at a time.
        kind = np.uint16 if positions <= np.iinfo(np.uint16).max else np.uint32
        self._histograms = np.zeros((self.kernels, words * LEVELS_A_WORD), kind)
        self._words = self._histograms.view(np.uint64)

    def count(self, image: int, occupied: NDArray[np.uint16], lists: _Lists) -> None:
        """Append an image's entries to the lists, kernel by kernel."""
        histograms = self._histograms
        span = _fill(self._bits[image], self._grid, histograms.reshape(-1))
        _add_off_grid(histograms, self._grid, lists.totals)
        _empty(
            *(self._words, self._words.itemsize // histograms.itemsize, span, occupied),
            *(lists.entries, lists.large_steps, lists.large_counts, lists.totals),
        )


# In these loops indices are unsigned: for others numba looks whether they are negative.


@numba.njit(cache=True, nogil=True)
def _fill(
    bits: NDArray[np.int32], grid: NDArray[np.int32], histograms: NDArray[np.uint16]
) -> tuple[int, int]:
    """Add one image's responses, the bits of float32 [positions, kernels], to [kernels x levels].

    All in 32 bits and without branches, so that the compiler finds several levels at once; and
    neighbours in memory are counted in different histograms, so that none waits for the last.
    Returns levels which all that were found lie between, both included.
    """
    positions, kernels = np.uint64(bits.shape[0]), np.uint64(bits.shape[1])
    bits_dropped, base, magnitudes, zero = grid
    zeros, place = np.empty(kernels, np.int32), np.empty(kernels, np.uint32)
    for kernel in range(bits.shape[1]):
        zeros[kernel] = kernel * (len(histograms) // bits.shape[1]) + zero
    lowest, highest = np.int32(base - 1), np.int32(base + magnitudes)
    first_step, nothing, no_sign = np.int32(2 - base), np.int32(0), np.int32(0x7FFFFFFF)
    largest = signs = nothing
    block = np.uint64(KERNELS_A_BLOCK)
    for first in range(np.uint64(0), kernels, block):
        end = min(first + block, kernels)
        for position in range(positions):
            for kernel in range(first, end):
                value = bits[position, kernel]
                magnitude = np.int32(value & no_sign)
                step = np.int32(min(max(magnitude >> bits_dropped, lowest), highest) + first_step)
                step = step if magnitude != nothing else nothing
                largest = max(largest, step)
                sign = np.int32(value >> np.int32(31))  # all ones below 0: then it negates
                signs = np.int32(signs | sign)
                place[kernel] = np.uint32(np.int32((step ^ sign) - sign) + zeros[kernel])
            for kernel in range(first, end):
                histograms[place[kernel]] += 1
    return zero - largest if signs else zero, zero + largest


@numba.njit(cache=True, nogil=True)
def _add_off_grid(
    histograms: NDArray[np.uint16], grid: NDArray[np.int32], totals: NDArray[np.int64]
) -> None:
    """Add how many of an image's responses are too small, and too large, to the last totals."""
    zero = grid[3]
    for kernel in range(histograms.shape[0]):
        for side in (-1, 1):
            totals[2] += histograms[kernel, zero + side]
            totals[3] += histograms[kernel, zero + side * zero]


@numba.njit(cache=True, nogil=True)
def _empty(
    words: NDArray[np.uint64],
    levels_a_word: int,
    span: tuple[int, int],
    occupied: NDArray[np.uint16],
    entries: NDArray[np.uint8],
    large_steps: NDArray[np.uint16],
    large_counts: NDArray[np.uint32],
    totals: NDArray[np.int64],
) -> None:
    """Pack what one image's histograms hold (see `sjft.packing`), and set them to 0.

    ``words`` uint64 [kernels, words]: the histograms, several levels a word, the lowest in its
    lowest bits. ``span``: the levels between which all that occur lie.
    """
    first = np.uint64(span[0] // levels_a_word)
    end = np.uint64(span[1] // levels_a_word + 1)
    room = words.shape[1] * levels_a_word + 1
    levels, counts = np.empty(room, np.int32), np.empty(room, np.int32)
    levels[0] = -1
    used, large = np.uint64(totals[0]), np.uint64(totals[1])
    for kernel in range(np.uint64(words.shape[0])):
        here = _collect(words[kernel], first, end, levels_a_word, levels[1:], counts)
        occupied[kernel] = here
        large = _pack(here, levels, counts, entries[used:], large_steps, large_counts, large)
        used += here
    totals[0], totals[1] = used, large


@numba.njit(cache=True, nogil=True)
def _collect(
    words: NDArray[np.uint64],
    first: np.uint64,
    end: np.uint64,
    levels_a_word: int,
    levels: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> np.uint64:
    """List the levels that occur in a kernel's words and their counts, and set the words to 0."""
    places, bits_a_level = np.uint64(levels_a_word), np.uint64(64 // levels_a_word)
    of_a_level = (np.uint64(1) << bits_a_level) - np.uint64(1)
    used = np.uint64(0)
    for word in range(first, end):
        value = words[word]
        if value:
            level = np.int32(word * places)
            for place in range(places):
                count = value & of_a_level
                value = value >> bits_a_level
                # Written always, and kept where it occurs: without a branch.
                levels[used] = level + np.int32(place)
                counts[used] = count
                used += np.uint64(count != 0)
            words[word] = 0
    return used


@numba.njit(cache=True, nogil=True)
def _pack(
    number: np.uint64,
    levels: NDArray[np.int32],
    counts: NDArray[np.int32],
    entries: NDArray[np.uint8],
    large_steps: NDArray[np.uint16],
    large_counts: NDArray[np.uint32],
    large: np.uint64,
) -> np.uint64:
    """Pack one kernel's levels, behind a first one of -1; returns the number of large ones."""
    for entry in range(number):
        step, count = np.int32(levels[entry + np.uint64(1)] - levels[entry]), counts[entry]
        fits = np.int32(step <= LARGEST_STEP) & np.int32(count <= LARGEST_COUNT)
        entries[entry] = (((step - np.int32(1)) << np.int32(COUNT_BITS)) | count) * fits
    for entry in range(number):
        large_steps[large] = levels[entry + np.uint64(1)] - levels[entry]
        large_counts[large] = counts[entry]
        large += np.uint64(entries[entry] == 0)
    return large
