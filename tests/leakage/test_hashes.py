"""Hash files: every readable image of a shard, and nothing that depends on anything else."""

import hashlib
from pathlib import Path

import h5py
import numpy as np
import polars as pl
import pytest
from image_files import save_images
from sealed import seal_again
from small import images_table

from sjft.data.pixels import load_rgb
from sjft.errors import UserError
from sjft.leakage import hashes as module
from sjft.leakage.hashes import hash_images, read_hashes
from sjft.leakage.perceptual_hash import VIEWS, WORDS, perceptual_hash


@pytest.fixture
def images(tmp_path: Path) -> pl.DataFrame:
    """Seven images and their table."""
    save_images(tmp_path, [f"a/{i}.png" for i in range(7)])
    return images_table([0] * 7)


def test_a_file_holds_each_image_s_digest_and_hash(tmp_path: Path, images: pl.DataFrame) -> None:
    skipped = hash_images(images, tmp_path, tmp_path / "h.h5", {"images": "digest"})
    assert skipped.is_empty()
    found = read_hashes([tmp_path / "h.h5"])
    assert found.images.tolist() == list(range(7))
    for row, path in enumerate(images["path"]):
        content = (tmp_path / path).read_bytes()
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        assert found.digests[row].decode() == digest
        bits, detail = perceptual_hash(load_rgb(tmp_path / path))
        np.testing.assert_array_equal(found.bits[row], bits)
        assert found.detail[row] == pytest.approx(detail)


def test_blocks_leave_no_trace(
    tmp_path: Path, images: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    hash_images(images, tmp_path, tmp_path / "one.h5", {})
    hash_images(images, tmp_path, tmp_path / "again.h5", {})
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    monkeypatch.setattr(module, "IMAGES_A_BLOCK", 3)
    hash_images(images, tmp_path, tmp_path / "blocks.h5", {})
    one, blocks = read_hashes([tmp_path / "one.h5"]), read_hashes([tmp_path / "blocks.h5"])
    for name in ("images", "digests", "bits", "detail"):
        np.testing.assert_array_equal(getattr(one, name), getattr(blocks, name))


def test_images_that_cannot_be_read_are_left_out_and_named(
    tmp_path: Path, images: pl.DataFrame
) -> None:
    (tmp_path / "a/2.png").write_bytes(b"no image")
    (tmp_path / "a/5.png").unlink()
    skipped = hash_images(images, tmp_path, tmp_path / "h.h5", {})
    assert skipped["path"].to_list() == ["a/2.png", "a/5.png"]
    assert "not an image" in skipped["reason"][0]
    assert read_hashes([tmp_path / "h.h5"]).images.tolist() == [0, 1, 3, 4, 6]


@pytest.mark.parametrize("broken", [False, True])
def test_a_shard_without_images_is_a_file_like_any_other(
    tmp_path: Path, images: pl.DataFrame, broken: bool
) -> None:
    none = images.head(1 if broken else 0)
    (tmp_path / "a/0.png").write_bytes(b"no image")
    hash_images(none, tmp_path, tmp_path / "h.h5", {})
    hash_images(images.tail(2), tmp_path, tmp_path / "two.h5", {})
    found = read_hashes([tmp_path / "h.h5"])
    assert found.bits.shape == (0, len(VIEWS), WORDS)
    assert found.digests.shape == found.detail.shape == (0,)
    both = read_hashes([tmp_path / "two.h5", tmp_path / "h.h5"])
    assert both.images.tolist() == [5, 6]
    assert both.bits.dtype == np.uint64
    assert len(both.digests[0]) == 32


def test_shards_are_joined_in_the_order_of_the_images(tmp_path: Path, images: pl.DataFrame) -> None:
    for shard in (0, 1):
        hash_images(images.gather_every(2, shard), tmp_path, tmp_path / f"{shard}.h5", {})
    hash_images(images, tmp_path, tmp_path / "all.h5", {})
    joined = read_hashes([tmp_path / "1.h5", tmp_path / "0.h5"])
    at_once = read_hashes([tmp_path / "all.h5"])
    for name in ("images", "digests", "bits", "detail"):
        np.testing.assert_array_equal(getattr(joined, name), getattr(at_once, name))


def test_numbers_within_shards_are_turned_into_rows(tmp_path: Path, images: pl.DataFrame) -> None:
    for shard in (0, 1):
        own = images.gather_every(2, shard).with_columns(pl.int_range(pl.len()).alias("image"))
        hash_images(own, tmp_path, tmp_path / f"{shard}.h5", {})
    hash_images(images, tmp_path, tmp_path / "all.h5", {})
    numbers = [images.gather_every(2, shard)["image"].to_numpy() for shard in (0, 1)]
    joined = read_hashes([tmp_path / "0.h5", tmp_path / "1.h5"], numbers)
    at_once = read_hashes([tmp_path / "all.h5"])
    assert joined.images.tolist() == list(range(7))
    np.testing.assert_array_equal(joined.digests, at_once.digests)


def test_a_file_describes_its_data_sets(tmp_path: Path, images: pl.DataFrame) -> None:
    hash_images(images, tmp_path, tmp_path / "h.h5", {"images": "digest"})
    with h5py.File(tmp_path / "h.h5") as file:
        assert file.attrs["format"] == "sjft-image-hashes"
        assert [d.label for d in file["perceptual_hash"].dims] == ["image", "view", "word"]
        assert all(data.attrs["description"] for data in file.values())
        assert "b2sum" in file["digest"].attrs["description"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "n.h5", "w") as file:
        file.attrs["format"] = "fruit"
    seal_again(tmp_path / "n.h5")
    with pytest.raises(UserError, match="holds `fruit`"):
        read_hashes([tmp_path / "n.h5"])
