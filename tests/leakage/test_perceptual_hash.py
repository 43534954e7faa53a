"""Perceptual hash: copies keep their bits, mirroring turns half of them over, others differ."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from soft_images import cut, soft_image

from sjft.leakage.perceptual_hash import (
    BITS,
    FREQUENCIES,
    LEAST_DETAIL,
    VIEWS,
    WORDS,
    hash_distances,
    perceptual_hash,
)

# Images without resemblance stay above it, copies below: see benchmarks/leakage.py.
FEW_BITS = 50


def saved(image: Image.Image, quality: int) -> Image.Image:
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    return Image.open(content)


def distance(one: Image.Image, other: Image.Image) -> tuple[int, bool]:
    bits, mirrored = hash_distances(perceptual_hash(one)[0][None], perceptual_hash(other)[0][None])
    return int(bits[0, 0]), bool(mirrored[0, 0])


@pytest.mark.parametrize(
    ("alter", "most"),
    [
        (lambda i: i, 0),
        (lambda i: saved(i, 75), 10),
        (lambda i: saved(i, 30), 20),
        (lambda i: i.resize((75, 55)), 10),
        (lambda i: i.resize((300, 220)), 10),
        (lambda i: i.resize((128, 128)), 10),
        (lambda i: ImageEnhance.Brightness(i).enhance(0.8), 10),
        (lambda i: ImageEnhance.Contrast(i).enhance(0.8), 10),
        (lambda i: cut(i, 0.02, 0.02, 0.02, 0.02), FEW_BITS),
        (lambda i: cut(i, 0.05, 0.05, 0.05, 0.05), 20),
        (lambda i: cut(i, 0.1, 0.1, 0.1, 0.1), 20),
        (lambda i: cut(i, 0.05, 0, 0, 0), FEW_BITS + 10),
        (lambda i: cut(i, 0.05, 0.05, 0, 0), 20),
        (lambda i: cut(i, 0, 0, 0.05, 0.05), 20),
        (lambda i: ImageOps.fit(i, (110, 110)), 20),
        (lambda i: saved(cut(i, 0.05, 0.05, 0.05, 0.05).resize((70, 50)), 75), 25),
        (lambda i: i.convert("L"), 5),
    ],
)
@pytest.mark.parametrize("seed", range(3))
def test_copies_differ_in_few_bits(
    alter: Callable[[Image.Image], Image.Image], most: int, seed: int
) -> None:
    original = soft_image(seed)
    altered = alter(original)
    there, back = distance(original, altered), distance(altered, original)
    assert there == back
    assert there[0] <= most
    assert not there[1]
    of_mirror = distance(original, ImageOps.mirror(altered))
    assert of_mirror[0] <= most + 2
    assert of_mirror[1]


def test_other_images_differ_in_many_bits() -> None:
    bits = np.stack([perceptual_hash(soft_image(seed))[0] for seed in range(30)])
    distances, _ = hash_distances(bits, bits)
    assert (np.diag(distances) == 0).all()
    assert distances[~np.eye(30, dtype=bool)].min() > FEW_BITS + 15


def test_mirroring_turns_over_the_odd_horizontal_frequencies() -> None:
    odd = FREQUENCIES[:, 1] % 2 == 1
    assert odd.tolist() == [False] * (BITS // 2) + [True] * (BITS // 2)
    here, there = (
        np.unpackbits(perceptual_hash(image)[0][0].view(np.uint8), bitorder="little")
        for image in (soft_image(1), ImageOps.mirror(soft_image(1)))
    )
    assert (here != there)[odd].sum() >= BITS // 2 - 1
    assert (here != there)[~odd].sum() <= 1


def test_the_bits_are_those_of_different_low_frequencies() -> None:
    assert len({tuple(frequency) for frequency in FREQUENCIES}) == BITS
    assert (0, 0) not in FREQUENCIES.tolist()
    assert FREQUENCIES.max() < 20


def test_a_cosine_has_its_own_bit_and_amplitude() -> None:
    y, x = (np.mgrid[:256, :256] + 0.5) / 256
    for vertical, horizontal in ((0, 1), (3, 2), (2, 5)):
        wave = np.cos(np.pi * vertical * y) * np.cos(np.pi * horizontal * x)
        up, down = (
            perceptual_hash(Image.fromarray(np.rint(128 + sign * 100 * wave).astype(np.uint8)))[0]
            for sign in (1, -1)
        )
        place = FREQUENCIES.tolist().index([vertical, horizontal])
        bits = [
            np.unpackbits(hashed[0].view(np.uint8), bitorder="little")[place]
            for hashed in (up, down)
        ]
        assert bits == [1, 0]


def test_flat_images_have_no_detail_and_others_do() -> None:
    y, x = np.mgrid[:120, :160]
    noise = np.random.default_rng(0).normal(128, 2, (120, 160))
    for flat in (0 * x + 200, x * 1.5, 50 + x / 2 + y, np.where(y > 70, 60, 190), noise):
        image = saved(Image.fromarray(np.asarray(flat, np.uint8)), 75)
        assert perceptual_hash(image)[1] < LEAST_DETAIL
    for seed in range(5):
        assert perceptual_hash(soft_image(seed))[1] > 3 * LEAST_DETAIL


def test_detail_is_in_grey_levels() -> None:
    original = soft_image(1)
    half = Image.fromarray((np.asarray(original) // 2).astype(np.uint8))
    assert perceptual_hash(half)[1] == pytest.approx(perceptual_hash(original)[1] / 2, rel=0.05)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 3), (2000, 30)])
def test_any_size_is_hashed(size: tuple[int, int]) -> None:
    bits, detail = perceptual_hash(soft_image(0, size))
    assert bits.shape == (len(VIEWS), WORDS)
    assert bits.dtype == np.uint64
    assert np.isfinite(detail)


def test_distances_are_those_of_counting_bits_pair_by_pair() -> None:
    rng = np.random.default_rng(5)
    targets, sources = (rng.integers(0, 1 << 64, (n, len(VIEWS), WORDS), np.uint64) for n in (4, 9))
    odd = np.array([0] * (WORDS // 2) + [(1 << 64) - 1] * (WORDS // 2), np.uint64)
    distances, mirrored = hash_distances(targets, sources)
    for row, target in enumerate(targets):
        for column, source in enumerate(sources):
            pairs = [(target[0], view) for view in source] + [(view, source[0]) for view in target]
            least = min(
                (int(np.bitwise_count(one ^ other ^ flip).sum()), bool(flip.any()))
                for flip in (odd * np.uint64(0), odd)
                for one, other in pairs
            )
            assert (distances[row, column], mirrored[row, column]) == least


def test_no_images_have_no_distances() -> None:
    none = np.empty((0, len(VIEWS), WORDS), np.uint64)
    one = perceptual_hash(soft_image(1))[0][None]
    assert hash_distances(none, one)[0].shape == (0, 1)
    assert hash_distances(one, none)[0].shape == (1, 0)
