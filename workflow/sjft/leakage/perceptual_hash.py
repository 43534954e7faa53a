"""A perceptual hash: 256 bits that stay nearly the same when an image is saved anew.

A bit is the sign of one low frequency of the grey image's cosine transform, so that neither
size nor brightness nor contrast matters, and mirroring flips exactly the bits of odd horizontal
frequencies. The distance of two hashes is the number of bits that differ: about 128 for images
that have nothing to do with each other.

An image is hashed whole and in seven views a little smaller. A crop of an image is found as one
of the image's own views, or the image as one of the crop's.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sjft.compiled import compiled

BITS = 256
WORDS = BITS // 64
SAMPLES = 128  # side of the grey image that is transformed
# Below it an image is flat or a smooth gradient, and its bits are rounding errors.
LEAST_DETAIL = 0.05
# left, top, right, bottom, as shares of width and height; `None` is the square in the centre.
VIEWS: dict[str, tuple[float, float, float, float] | None] = {
    "whole": (0, 0, 1, 1),
    "centre square": None,
    "5 % off each side": (0.05, 0.05, 0.95, 0.95),
    "10 % off each side": (0.1, 0.1, 0.9, 0.9),
    "5 % off right and bottom": (0, 0, 0.95, 0.95),
    "5 % off left and bottom": (0.05, 0, 1, 0.95),
    "5 % off right and top": (0, 0.05, 0.95, 1),
    "5 % off left and top": (0.05, 0.05, 1, 1),
}


def _frequencies() -> NDArray[np.int64]:
    """(vertical, horizontal) frequency of each bit, [bits, 2]: the lowest, without the mean.

    The first half of them are even horizontally, the second half odd.
    """
    grid = [(y, x) for y in range(32) for x in range(32) if (y, x) != (0, 0)]
    grid.sort(key=lambda place: (place[0] ** 2 + place[1] ** 2, place))
    halves = [[place for place in grid if place[1] % 2 == odd][: BITS // 2] for odd in (0, 1)]
    return np.array(halves[0] + halves[1])


FREQUENCIES = _frequencies()


@lru_cache(maxsize=1024)
def _cosines(start: float, end: float) -> NDArray[np.float32]:
    """Amplitude of each frequency between two places, from samples: [frequencies, samples].

    The integral of cos(pi k u) over each sample, u running from 0 at ``start`` to 1 at ``end``.
    """
    edges = np.clip((np.arange(SAMPLES + 1) / SAMPLES - start) / (end - start), 0, 1)
    angle = math.pi * np.arange(1, FREQUENCIES.max() + 1)[:, None]
    return np.diff(np.vstack([edges, 2 * np.sin(angle * edges) / angle])).astype(np.float32)


def perceptual_hash(image: Image.Image) -> tuple[NDArray[np.uint64], float]:
    """Bits of an image's views, uint64 [views, words], and how much detail it has.

    The detail is the median amplitude of the frequencies behind the bits, in grey levels (0 to
    255) of the whole image: where it is near 0, the bits say nothing.
    """
    grey = image.convert("L").resize((SAMPLES, SAMPLES), Image.Resampling.BILINEAR)
    samples = np.asarray(grey, np.float32)
    amplitudes = np.stack(
        [_amplitudes(samples, box or _centre_square(image.size)) for box in VIEWS.values()]
    )
    bits = np.packbits(amplitudes > 0, axis=1, bitorder="little").view("<u8")
    return bits.astype(np.uint64), float(np.median(np.abs(amplitudes[0])))


def _centre_square(size: tuple[int, int]) -> tuple[float, float, float, float]:
    x, y = ((1 - min(size) / side) / 2 for side in size)
    return x, y, 1 - x, 1 - y


def _amplitudes(
    samples: NDArray[np.float32], box: tuple[float, float, float, float]
) -> NDArray[np.float32]:
    left, top, right, bottom = box
    spectrum = _cosines(top, bottom) @ samples @ _cosines(left, right).T
    return np.asarray(spectrum[FREQUENCIES[:, 0], FREQUENCIES[:, 1]], np.float32)


def hash_distances(
    targets: NDArray[np.uint64], sources: NDArray[np.uint64]
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Distance of every target to every source in bits, and whether a mirror image is nearer.

    Both are [images, views, words]. The distance of two images is the least that the whole of
    one has to any view of the other, mirrored or not; both results are [targets, sources].
    """
    coded = _distances(targets, np.ascontiguousarray(sources.transpose(1, 2, 0)))
    return (coded >> 1).astype(np.uint8), (coded & 1).astype(np.bool_)


# Sources lie side by side, word by word, so that the compiler counts the bits of several at once:
# ten times as fast as image by image.
@compiled()
def _distances(targets: NDArray[np.uint64], sources: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """Twice the distance, and 1 more where it is the mirror image's, [targets, sources]."""
    views, images = targets.shape[1], sources.shape[2]
    coded = np.full((targets.shape[0], images), 2 * BITS, np.uint16)
    for target in range(targets.shape[0]):
        nearest = coded[target]
        for pair in range(2 * views - 1):
            own, other = (pair, 0) if pair < views else (0, pair - views + 1)
            a, b = targets[target, own, 0], targets[target, own, 1]
            c, d = targets[target, own, 2], targets[target, own, 3]
            even_a, even_b = sources[other, 0], sources[other, 1]
            odd_c, odd_d = sources[other, 2], sources[other, 3]
            for source in range(images):
                even = _ones(a ^ even_a[source]) + _ones(b ^ even_b[source])
                odd = _ones(c ^ odd_c[source]) + _ones(d ^ odd_d[source])
                # Mirroring turns every bit of the odd half over.
                mirrored = 2 * (even + BITS // 2 - odd) + 1
                nearest[source] = min(nearest[source], 2 * (even + odd), mirrored)
    return coded


@compiled()
def _ones(word: np.uint64) -> int:
    """Number of set bits."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    pairs = np.uint64(0x3333333333333333)
    word = (word & pairs) + ((word >> np.uint64(2)) & pairs)
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((word * np.uint64(0x0101010101010101)) >> np.uint64(56))
