"""Borrowed images that bring nothing new are counted by the content of their files."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from image_files import save_images
from small import images_table

from sjft.errors import UserError
from sjft.leakage.hashes import hash_images
from sjft.reports.repeated import (
    Contents,
    HashedImages,
    contents_of,
    count_repeated,
    lines_on_repeated,
)


def hashed(folder: Path, name: str, files: list[str], *, shards: int = 1) -> HashedImages:
    """A data set that has ``files`` of ``folder`` as its training images, and one for testing."""
    splits = [*["train"] * len(files), "test"]
    numbers = range(len(splits))
    table = images_table([0] * len(splits)).with_columns(
        pl.Series("path", [*files, f"{name} test.png"]),
        pl.Series("split", splits),
        pl.Series("shard", [number % shards for number in numbers], pl.Int32),
    )
    paths = []
    for shard in range(shards):
        own = table.filter(pl.col("split") == "train", pl.col("shard") == shard)
        numbered = own.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("image"))
        paths.append(folder / f"{name}-{shard}.h5")
        hash_images(numbered, folder, paths[-1], {})
    return HashedImages(table, paths)


@pytest.fixture
def contents(tmp_path: Path) -> Contents:
    """The target has 0 and 1; a source 0, 2, 3, 2 in two shards, the other 2, 1, and one broken."""
    save_images(tmp_path, [f"{i}.png" for i in range(4)])
    for copy, of in {"a0": 0, "b2": 2, "c2": 2, "d1": 1}.items():
        (tmp_path / f"{copy}.png").write_bytes((tmp_path / f"{of}.png").read_bytes())
    (tmp_path / "broken.png").write_bytes(b"no image")
    target = hashed(tmp_path, "target", ["0.png", "1.png"])
    first = hashed(tmp_path, "first", ["a0.png", "2.png", "3.png", "b2.png"], shards=2)
    second = hashed(tmp_path, "second", ["c2.png", "d1.png", "broken.png"])
    return contents_of(target, [first, second])


# Numbers run on from the first source's list, of which the fifth image is for testing.
@pytest.mark.parametrize(
    ("borrowed", "own", "repeated"),
    [
        ([0, 1, 2, 3, 5, 6, 7], 2, 2),  # 2.png under three names
        ([1, 2], 0, 0),
        ([1, 3], 0, 1),
        ([3, 5], 0, 1),  # of two sources
        ([0, 6], 2, 0),
        ([2, 7], 0, 0),  # what cannot be read is like nothing
        ([], 0, 0),
    ],
)
def test_own_images_and_those_that_come_once_more_are_counted(
    contents: Contents, borrowed: list[int], own: int, repeated: int
) -> None:
    subset = pl.DataFrame({"image": borrowed}, schema={"image": pl.Int32})
    counted = count_repeated(subset, contents)
    assert counted == {"own_images": own, "repeated_images": repeated}
    nothing_looked_for = count_repeated(subset, None)
    assert nothing_looked_for == {"own_images": None, "repeated_images": None}


def test_digests_are_those_of_the_list_s_rows(contents: Contents) -> None:
    known = np.array([digest != b"" for digest in contents.sources])
    assert known.tolist() == [True] * 4 + [False] + [True] * 2 + [False] * 2
    assert contents.sources[1] == contents.sources[3] == contents.sources[5]
    assert contents.sources[0] == contents.own[0] and contents.own[2] == b""


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.h5").write_bytes(b"no hashes")
    images = images_table([0]).with_columns(pl.lit("train").alias("split"))
    with pytest.raises(UserError, match=r"a\.h5"):
        HashedImages(images, [tmp_path / "a.h5"]).digests()


def arm(**counts: Any) -> dict[str, Any]:
    return {"runs": [counts, {"own_images": 99}]}


def test_arms_are_named_that_borrowed_what_is_not_new() -> None:
    arms = {
        "selective": arm(own_images=1200, repeated_images=1),
        "random-source": arm(own_images=0, repeated_images=3),
        "all-source": arm(own_images=2, repeated_images=0),
        "fine-tune": arm(own_images=0, repeated_images=0),
    }
    (line,) = lines_on_repeated(arms)
    assert line.startswith(
        "The same files: selective borrowed 1,200 of the target's own training images and 1 of "
        "another one once more; random-source borrowed 3 of another one once more; all-source "
        "borrowed 2 of the target's own training images. "
    )
    assert "fine-tune" not in line and line.endswith("take them out of the source.")


@pytest.mark.parametrize(
    "counts", [{}, {"own_images": None, "repeated_images": None}, {"own_images": 0}]
)
def test_nothing_is_said_where_all_is_new_or_not_known(counts: dict[str, Any]) -> None:
    assert lines_on_repeated({"selective": arm(**counts)}) == []
