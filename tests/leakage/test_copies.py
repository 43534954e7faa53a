"""Leakage: which pairs are told, by what, and what follows from them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from small import images_table
from soft_images import cut, soft_image

from sjft.errors import UserError
from sjft.leakage import copies as module
from sjft.leakage.copies import (
    COPIES_SCHEMA,
    FEWEST_IMAGES,
    find_copies,
    list_leakage,
    near_zero,
    read_copies,
    write_copies,
)
from sjft.leakage.hashes import ImageHashes, hash_images, read_hashes
from sjft.leakage.perceptual_hash import LEAST_DETAIL, VIEWS, WORDS
from sjft.leakage.table import (
    LEAKAGE_SCHEMA,
    count_leakage,
    images_to_exclude,
    in_doubt,
    read_leakage,
    words_on_doubt,
    write_leakage,
)
from sjft.retrieval.neighbours import Neighbours
from sjft.storage.files import write_with_digest

NONE_NEAR = near_zero(
    Neighbours(np.zeros(0, np.int32), np.zeros((0, 10), np.int32), np.zeros((0, 10), np.float32)),
    1.0,
    FEWEST_IMAGES,
)


def hashes(root: Path, name: str, images: list[Image.Image]) -> ImageHashes:
    """Hashes of images saved as JPEG, but every second one as PNG."""
    paths = [f"{name}/{i}.{('jpg', 'png')[i % 2]}" for i in range(len(images))]
    (root / name).mkdir()
    for path, shown in zip(paths, images, strict=True):
        shown.save(root / path)
    table = images_table([0] * len(paths)).with_columns(pl.Series("path", paths))
    hash_images(table, root, root / f"{name}.h5", {})
    return read_hashes([root / f"{name}.h5"])


def random_hashes(seed: int, images: int, *, first: int = 0, kinds: int = 3) -> ImageHashes:
    """A few kinds of image, so that pairs match, some of them without detail."""
    rng = np.random.default_rng(seed)
    of_kind = np.random.default_rng(0).integers(0, 1 << 64, (kinds, len(VIEWS), WORDS), np.uint64)
    return ImageHashes(
        np.arange(first, first + images, dtype=np.int32),
        np.array([f"{kind:032x}" for kind in rng.integers(0, 2 * kinds, images)], "S32"),
        of_kind[rng.integers(0, kinds, images)],
        np.where(rng.random(images) < 0.3, 0, 1).astype(np.float32),
    )


def rows(table: pl.DataFrame) -> list[tuple[object, ...]]:
    return list(table.iter_rows())


def test_copies_are_found_and_other_images_are_not(tmp_path: Path) -> None:
    targets = hashes(tmp_path, "target", [soft_image(seed) for seed in range(6)])
    sources = hashes(
        tmp_path,
        "source",
        [
            soft_image(9),
            soft_image(1),  # PNG again: the same file
            soft_image(2).resize((90, 70)),
            ImageOps.mirror(soft_image(3)),
            cut(soft_image(4), 0.05, 0.05, 0.05, 0.05),
            soft_image(8),
        ],
    )
    found = find_copies(targets, sources, 40)
    assert list(found.schema.items()) == list(COPIES_SCHEMA.items())
    pairs = {(t, s): (same, mirrored) for t, s, same, _, mirrored in found.iter_rows()}
    assert pairs == {
        (1, 1): (True, False),
        (2, 2): (False, False),
        (3, 3): (False, True),
        (4, 4): (False, False),
    }
    assert found["hash_distance"][0] == 0


def test_flat_images_match_by_content_alone(tmp_path: Path) -> None:
    flat = [Image.new("RGB", (40, 30), (level,) * 3) for level in (200, 200, 90)]
    targets = hashes(tmp_path, "target", flat)
    sources = hashes(tmp_path, "source", flat)
    assert (targets.detail < LEAST_DETAIL).all()
    assert rows(find_copies(targets, sources, 60)) == [
        (row, row, True, None, None) for row in range(3)
    ]


@given(seed=st.integers(0, 999), sizes=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_pairs_are_those_of_looking_at_each(seed: int, sizes: tuple[int, int]) -> None:
    targets = random_hashes(seed, sizes[0], first=3)
    sources = random_hashes(seed + 1, sizes[1], first=5)
    expected = []
    for t in range(sizes[0]):
        for s in range(sizes[1]):
            same = targets.digests[t] == sources.digests[s]
            near = (
                min(targets.detail[t], sources.detail[s]) >= LEAST_DETAIL
                and (targets.bits[t] == sources.bits[s]).all()
            )
            if same or near:
                told = (0, False) if near else (None, None)
                expected.append((3 + t, 5 + s, bool(same), *told))
    assert rows(find_copies(targets, sources, 40)) == expected


def test_blocks_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    targets, sources = random_hashes(1, 17), random_hashes(2, 23)
    at_once = find_copies(targets, sources, 40)
    monkeypatch.setattr(module, "SOURCES_A_BLOCK", 5)
    monkeypatch.setattr(module, "TARGETS_A_BLOCK", 4)
    assert find_copies(targets, sources, 40).equals(at_once)
    assert len(at_once) > 20


def test_the_threshold_is_inclusive() -> None:
    targets, sources = random_hashes(1, 1, kinds=1), random_hashes(1, 1, kinds=1)
    for hashed in (targets, sources):
        hashed.detail[:] = 1
    sources.digests[:] = b"other"
    sources.bits[:] ^= np.uint64(0b111)
    # The first word of every view differs in three bits, and the words' even halves alone.
    distance = find_copies(targets, sources, 255)["hash_distance"][0]
    assert len(find_copies(targets, sources, distance)) == 1
    assert len(find_copies(targets, sources, distance - 1)) == 0


def neighbours(divergences: list[list[float]]) -> Neighbours:
    """Lists of the source images 100, 101, ... for the target images 7, 6, ..."""
    number, kept = len(divergences), len(divergences[0])
    return Neighbours(
        np.arange(7, 7 - number, -1, dtype=np.int32),
        np.arange(100, 100 + number * kept, dtype=np.int32).reshape(number, kept),
        np.array(divergences, np.float32),
    )


def test_near_zero_is_less_than_a_share_of_the_tenth_nearest() -> None:
    found = near_zero(
        neighbours(
            [
                [0.125, 0.24, *[0.25] * 7, 1.0, 9.0],
                [0.0, *[0.5] * 8, 0.5, 0.5],
                [0.3, *[0.9] * 8, 1.0, 9.0],
            ]
        ),
        0.25,
        FEWEST_IMAGES,
    )
    assert rows(found) == [(6, 111, 0.0), (7, 100, 0.125), (7, 101, pytest.approx(0.24))]


@pytest.mark.parametrize("images", [1, 3, 10, FEWEST_IMAGES - 1])
def test_of_few_images_the_tenth_nearest_says_nothing(images: int) -> None:
    """A source of ten images has its usual ones among them, and the last is as far as any."""
    kept = [0.01, *np.linspace(0.1, 1, 9)][:images]
    assert near_zero(neighbours([kept]), 0.25, images).is_empty()


def test_many_images_without_responses_are_no_copies() -> None:
    assert near_zero(neighbours([[0.0] * 12]), 0.25, FEWEST_IMAGES).is_empty()


@pytest.fixture
def leakage() -> pl.DataFrame:
    """Two shards' copies and some divergences, as one table."""
    copies = [
        pl.DataFrame(
            [(0, 5, True, 0, False), (3, 2, False, 12, True)], schema=COPIES_SCHEMA, orient="row"
        ),
        pl.DataFrame(
            [(0, 1, False, 40, False), (1, 1, True, None, None)], schema=COPIES_SCHEMA, orient="row"
        ),
    ]
    near = pl.DataFrame(
        [(0, 5, 0.0), (2, 4, 0.0012345)],
        schema={"target_image": pl.Int32, "source_image": pl.Int32, "divergence": pl.Float64},
        orient="row",
    )
    targets = images_table([0] * 4, folder="t", split="test")
    return list_leakage(copies, near, targets, images_table([0] * 6, folder="s"))


def test_a_pair_has_one_row_with_all_its_reasons(leakage: pl.DataFrame) -> None:
    assert list(leakage.schema.items()) == list(LEAKAGE_SCHEMA.items())
    named = leakage.select("target_path", "target_split", "source_path", "source_split", "reasons")
    by_hash = "perceptual hash 0 of 256 bits"
    assert rows(named) == [
        ("t/0.png", "test", "s/1.png", "train", "perceptual hash 40 of 256 bits"),
        ("t/0.png", "test", "s/5.png", "train", f"same file; {by_hash}; divergence 0"),
        ("t/1.png", "test", "s/1.png", "train", "same file"),
        ("t/2.png", "test", "s/4.png", "train", "divergence 0.00123"),
        ("t/3.png", "test", "s/2.png", "train", "mirrored, perceptual hash 12 of 256 bits"),
    ]


def test_the_file_gives_back_what_was_written(tmp_path: Path, leakage: pl.DataFrame) -> None:
    write_leakage(tmp_path / "leakage.csv", leakage)
    assert read_leakage(tmp_path / "leakage.csv").equals(leakage)
    write_leakage(tmp_path / "none.csv", leakage.clear())
    assert read_leakage(tmp_path / "none.csv").equals(leakage.clear())
    write_with_digest(tmp_path / "other.csv", b"a,b\n1,2\n")
    with pytest.raises(UserError, match="columns a, b"):
        read_leakage(tmp_path / "other.csv")


def test_matching_source_images_are_excluded_and_counted(leakage: pl.DataFrame) -> None:
    assert images_to_exclude(leakage) == {f"s/{i}.png" for i in (1, 2, 4, 5)}
    assert count_leakage(leakage) == {
        "pairs": 5,
        "target_images": 4,
        "in_doubt": 0,
        "source_images": 4,
        "same_file": 2,
        "perceptual_hash": 2,
        "mirrored": 1,
        "divergence": 2,
    }
    none = leakage.clear()
    assert images_to_exclude(none) == set()
    assert set(count_leakage(none).values()) == {0}


def test_images_whose_hashes_alone_are_alike_and_not_very_are_in_doubt() -> None:
    copies = [
        # the first for certain by another pair, the third by its divergence
        [(0, 0, False, 41, False), (0, 1, False, 40, False), (1, 1, False, 41, True)],
        [(1, 2, False, 60, False), (2, 3, False, 41, False), (3, 3, True, 60, False)],
    ]
    near = pl.DataFrame([(2, 3, 0.001)], schema=NONE_NEAR.schema, orient="row")
    found = list_leakage(
        [pl.DataFrame(of_shard, schema=COPIES_SCHEMA, orient="row") for of_shard in copies],
        near,
        images_table([0] * 4, folder="t", split="test"),
        images_table([0] * 4, folder="s"),
    )
    assert found.filter(in_doubt())["target_path"].unique().sort().to_list() == [
        "t/0.png",
        "t/1.png",
    ]
    assert count_leakage(found)["in_doubt"] == 1
    words = words_on_doubt(count_leakage(found))
    assert words.startswith(" 1 of them by a perceptual hash of more than 40 bits alone")
    assert "`leakage: {hash_distance: 40}`" in words
    assert words_on_doubt({"in_doubt": 0}) == words_on_doubt({}) == ""


def test_nothing_found_is_a_table_too() -> None:
    nothing = pl.DataFrame(schema=COPIES_SCHEMA)
    images = images_table([0])
    assert list_leakage([nothing, nothing], NONE_NEAR, images, images).schema == LEAKAGE_SCHEMA


def test_a_shards_copies_are_read_with_the_rows_of_its_images(tmp_path: Path) -> None:
    found = find_copies(random_hashes(1, 30), random_hashes(2, 40), 40)
    assert len(found) > 2
    write_copies(tmp_path / "0.csv", found)
    numbers = np.arange(100, 140, dtype=np.int32)[::-1].copy()
    again = read_copies(tmp_path / "0.csv", numbers)
    assert again["source_image"].to_list() == [139 - image for image in found["source_image"]]
    assert again.drop("source_image").equals(found.drop("source_image"))
    assert near_zero(neighbours([[0.0, 0.1, 1.0]]), None, FEWEST_IMAGES).is_empty()


def test_the_order_of_the_shards_does_not_matter(leakage: pl.DataFrame) -> None:
    targets, sources = random_hashes(1, 30), random_hashes(2, 40)
    tables = [images_table([0] * n, folder=name) for n, name in ((30, "t"), (40, "s"))]
    halves = [sources.take(np.arange(start, 40, 2)) for start in (0, 1)]
    found = [find_copies(targets, half, 40) for half in halves]
    there, back = (list_leakage(parts, NONE_NEAR, *tables) for parts in (found, found[::-1]))
    assert there.equals(back)
    assert there.equals(list_leakage([find_copies(targets, sources, 40)], NONE_NEAR, *tables))
