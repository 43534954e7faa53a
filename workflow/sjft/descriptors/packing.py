"""Level counts as one byte each, which compress well and are read fast.

Levels become steps from the level before (a channel's first: from -1). A step of at most 8 and a
count of at most 31 share a byte: the step less 1 in its three high bits, the count in the five low
ones. Whatever is larger is a byte of 0, and both its numbers are the next of the lists of large
ones. One byte instead of two is half of the work for whoever compresses, reads or digests them.
"""

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from sjft.compiled import compiled
from sjft.descriptors.nonzero import NUMBERS_AT_ONCE, append_nonzero

COUNT_BITS = 5
LARGEST_STEP, LARGEST_COUNT = 8, 31


@dataclass(frozen=True)
class PackedCounts:
    """Entries of some images, one after the other in the order of images and channels.

    ``occupied`` uint16 [images, channels]: entries of each. ``entries`` uint8 [entries].
    ``large_steps`` uint16 and ``large_counts`` uint32, both [large]: what takes the place of zeros.
    """

    occupied: NDArray[np.uint16]
    entries: NDArray[np.uint8]
    large_steps: NDArray[np.uint16]
    large_counts: NDArray[np.uint32]


class Packer:
    """Packs histograms, one after the other, into memory that is used again for the next images."""

    def __init__(self, room: int) -> None:
        """Make room for so many entries, of which each might be a large one."""
        self._entries = np.empty(room, np.uint8)
        self._large_steps = np.empty(room, np.uint16)
        self._large_counts = np.empty(room, np.uint32)
        self._used = np.zeros(2, np.int64)  # entries, and large ones among them

    def pack(
        self,
        histograms: NDArray[Any],
        positions: int,
        zero: int,
        span: tuple[int, int],
        occupied: NDArray[np.uint16],
    ) -> None:
        """Append one image's histograms, uint16 or uint32 [kernels, levels], and set them to 0.

        There is a multiple of 16 of levels. At the level ``zero`` stand all of a kernel's
        ``positions`` that no other level counts. ``span``: the levels, both included, between which
        all that occur lie. ``occupied`` uint16 [kernels] is filled with the entries of each kernel.
        """
        # A level and a count share a word, so that one look decides on both.
        word = np.uint32 if histograms.dtype == np.uint16 else np.uint64
        words, listed = np.empty((2, histograms.shape[1] + 2 * NUMBERS_AT_ONCE), word)
        _pack(
            *(histograms, np.uint32(positions), np.uint64(zero), span, occupied, words, listed),
            *(self._entries, self._large_steps, self._large_counts, self._used),
        )

    def take(self, occupied: NDArray[np.uint16]) -> PackedCounts:
        """All that was packed since the last time, with the entries of each image and channel."""
        used, large = self._used.tolist()
        self._used[:] = 0
        return PackedCounts(
            occupied,
            self._entries[:used].copy(),
            self._large_steps[:large].copy(),
            self._large_counts[:large].copy(),
        )


# In these loops indices are unsigned: for others numba looks whether they are negative. Words are
# kept in their own kind, and nothing branches, so that the compiler finds several at once.


@compiled()
def _pack(
    histograms: NDArray[Any],
    positions: np.uint32,
    zero: np.uint64,
    span: tuple[int, int],
    occupied: NDArray[np.uint16],
    words: NDArray[Any],
    listed: NDArray[Any],
    entries: NDArray[np.uint8],
    large_steps: NDArray[np.uint16],
    large_counts: NDArray[np.uint32],
    totals: NDArray[np.int64],
) -> None:
    """See `Packer.pack`."""
    at_once = np.uint64(NUMBERS_AT_ONCE)
    word = words.dtype.type
    half = word(np.iinfo(words.dtype).bits // 2)
    first = np.uint64(span[0]) // at_once * at_once
    end = (np.uint64(span[1]) // at_once + np.uint64(1)) * at_once
    used, large = np.uint64(totals[0]), np.uint64(totals[1])
    listed[0] = word(0xFFFF) << half  # the level before the first: -1
    for kernel in range(np.uint64(len(histograms))):
        elsewhere = _words_of_levels(histograms[kernel, first:end], word(first), words)
        at_zero = positions - elsewhere
        words[zero - first] = (word(zero) << half | word(at_zero)) if at_zero else word(0)
        here = _gathered(words, end - first, listed[1:])
        occupied[kernel] = here
        _bytes_of_words(listed, here, entries[used:], words)
        used += here
        large_here = _gathered(words, here, listed[1:])
        for entry in range(np.uint64(1), large_here + np.uint64(1)):
            large_steps[large] = listed[entry] >> half
            large_counts[large] = listed[entry] & ((word(1) << half) - word(1))
            large += np.uint64(1)
    totals[0], totals[1] = used, large


@numba.njit(inline="always")
def _words_of_levels(histogram: NDArray[Any], first: Any, words: NDArray[Any]) -> np.uint32:
    """Write level and count as one word where a level occurs, else 0; returns the counts' sum.

    The histogram's first place is the level ``first``; all of it is set to 0.
    """
    word = words.dtype.type
    half = word(np.iinfo(words.dtype).bits // 2)
    total = np.uint32(0)
    for place in range(np.uint64(len(histogram))):
        count = histogram[place]
        level = word(word(first + word(place)) << half)
        words[place] = word(level | word(count)) if count else word(0)
        total = np.uint32(total + np.uint32(count))
    histogram[:] = 0
    return total


@numba.njit(inline="always")
def _gathered(words: NDArray[Any], number: np.uint64, target: NDArray[Any]) -> np.uint64:
    """Gather those of so many words that are not 0; returns how many.

    So many are a multiple of 16, or zeros stand behind them up to one.
    """
    found = np.uint64(0)
    for first in range(np.uint64(0), number, np.uint64(NUMBERS_AT_ONCE)):
        found += append_nonzero(words, first, target, found)
    return found


@numba.njit(inline="always")
def _bytes_of_words(
    listed: NDArray[Any],
    number: np.uint64,
    entries: NDArray[np.uint8],
    large: NDArray[Any],
) -> None:
    """Pack one kernel's words, which stand behind a level of -1.

    Where an entry is large, ``large`` becomes step and count as one word, elsewhere 0.
    """
    word = large.dtype.type
    half = word(np.iinfo(large.dtype).bits // 2)
    low = word(word(word(1) << half) - word(1))
    largest_step, one = word(word(LARGEST_STEP) << half), word(1)
    before, own = listed[:-1], listed[1:]
    for entry in range(number):
        count = word(own[entry] & low)
        step = word(word(own[entry] - count) - word(before[entry] - word(before[entry] & low)))
        fits = (step <= largest_step) & (count <= word(LARGEST_COUNT))
        step_less_1 = word(word(step >> half) - one)
        packed = np.uint8(word(step_less_1 << word(COUNT_BITS)) | count)
        entries[entry] = packed if fits else np.uint8(0)
        large[entry] = word(0) if fits else word(step | count)
    for entry in range(number, number + np.uint64(NUMBERS_AT_ONCE)):
        large[entry] = word(0)


def add_up(
    packed: PackedCounts, place_of_level: NDArray[np.uint16], sums: NDArray[np.integer[Any]]
) -> None:
    """Add each count to the place of its level, in ``place_of_level``, uint16 [channels, levels].

    ``sums`` [images, channels, places]; or [1, channels, places], for all images together.
    Raises `ValueError` where the parts do not fit each other or ``place_of_level``.
    """
    large = len(packed.entries) - int(np.count_nonzero(packed.entries))
    if not len(packed.large_steps) == len(packed.large_counts) == large:
        raise ValueError("there are more or fewer large numbers than places for them")
    if int(packed.occupied.sum(dtype=np.int64)) != len(packed.entries):
        raise ValueError("there are more or fewer entries than the channels have")
    if not _add_up(
        *(packed.occupied, packed.entries, packed.large_steps, packed.large_counts),
        *(place_of_level, sums),
    ):
        raise ValueError("there is an entry without a count, or of a level that is not there")


@compiled()
def _add_up(
    occupied: NDArray[np.uint16],
    entries: NDArray[np.uint8],
    large_steps: NDArray[np.uint16],
    large_counts: NDArray[np.uint32],
    place_of_level: NDArray[np.uint16],
    sums: NDArray[np.integer[Any]],
) -> bool:
    """See `add_up`; returns whether all entries were right."""
    levels = place_of_level.shape[1]
    entry = large = np.uint64(0)
    for image in range(len(occupied)):
        of_image = sums[image if len(sums) > 1 else 0]
        for channel in range(np.uint64(occupied.shape[1])):
            place, of_channel = place_of_level[channel], of_image[channel]
            level = np.uint16(65535)  # -1: one step more is 0
            for _ in range(occupied[image, channel]):
                byte = entries[entry]
                step, count = np.uint16((byte >> COUNT_BITS) + 1), np.uint32(byte & LARGEST_COUNT)
                if byte == 0:
                    step, count = large_steps[large], large_counts[large]
                    large += np.uint64(1)
                level = np.uint16(level + step)
                if count == 0 or level >= levels:
                    return False
                of_channel[place[level]] += count
                entry += np.uint64(1)
    return True
