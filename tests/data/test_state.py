"""The state of a data set: which shards a change concerns, and how images.csv is renewed."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from image_files import save_images
from watched_folder import NAMES, SHARDS, replace_image, save_pets, settings

from sjft.data.readers import READERS
from sjft.data.state import (
    Changes,
    DataState,
    Record,
    current_state,
    list_dataset,
    listed,
    listed_by,
    read_record,
    snapshot,
    state_of,
    write_listing,
)
from sjft.data.table import (
    PARTS,
    numbers_in_shards,
    of_shard,
    read_images,
)
from sjft.errors import UserError


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    save_pets(tmp_path)
    return tmp_path


def state(data_root: Path, **changes: Any) -> DataState:
    chosen = settings(**changes)
    return state_of(listed(chosen, data_root / "pets"), SHARDS)


def differing(before: DataState, after: DataState) -> dict[str, list[int]]:
    """Shards whose images differ, by part."""
    return {
        part: [s for s in range(SHARDS) if before.content[part][s] != after.content[part][s]]
        for part in PARTS
    }


def shard_of(data_root: Path, name: str) -> int:
    table = listed(settings(), data_root / "pets")
    return int(table.filter(pl.col("path") == name)["shard"][0])


# Digests by part and shard.


def test_a_replaced_image_concerns_its_own_shard_and_part(data_root: Path) -> None:
    before = state(data_root)
    replace_image(data_root / "pets/a/cat/3.png")
    after = state(data_root)
    assert differing(before, after) == {
        "train": [shard_of(data_root, "a/cat/3.png")],
        "heldout": [],
    }
    assert after.rows["train"] != before.rows["train"]
    assert after.rows["heldout"] == before.rows["heldout"]


def test_a_held_out_image_concerns_nothing_that_is_trained_on(data_root: Path) -> None:
    before = state(data_root)
    save_images(data_root / "pets", ["b/cat/0a.png"])
    after = state(data_root)
    assert differing(before, after) == {
        "train": [],
        "heldout": [shard_of(data_root, "b/cat/0a.png")],
    }
    assert after.rows["train"] == before.rows["train"]


@pytest.mark.parametrize("name", ["a/cat/0a.png", "a/dog/99.png"])
def test_added_and_removed_images_concern_their_shards_alone(data_root: Path, name: str) -> None:
    before = state(data_root)
    save_images(data_root / "pets", [name])
    added = state(data_root)
    shard = shard_of(data_root, name)
    assert differing(before, added) == {"train": [shard], "heldout": []}
    (data_root / "pets" / name).unlink()
    assert state(data_root) == before


def test_another_class_concerns_the_rows_but_no_image(data_root: Path) -> None:
    table = listed(settings(), data_root / "pets")
    before = state_of(table, SHARDS)
    swapped = table.with_columns(
        pl.when(pl.col("path") == "a/cat/0.png").then(1).otherwise("label").alias("label")
    ).cast({"label": pl.Int32})
    after = state_of(swapped, SHARDS)
    assert after.content == before.content
    assert after.rows["train"] != before.rows["train"]


def test_with_content_digests_a_new_time_alone_is_no_change(data_root: Path) -> None:
    path = data_root / "pets/a/cat/0.png"
    before, by_time = state(data_root, content_digest=True), state(data_root)
    os.utime(path, (2 * 10**9, 2 * 10**9))
    assert state(data_root, content_digest=True) == before
    assert state(data_root) != by_time
    content = bytearray(path.read_bytes())
    content[-1] ^= 1  # the same size
    path.write_bytes(content)
    os.utime(path, (10**9, 10**9))
    assert state(data_root, content_digest=True) != before


def test_files_whose_size_and_time_are_known_are_not_read_again(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = settings(content_digest=True)
    before = listed(chosen, data_root / "pets")
    replace_image(data_root / "pets/a/cat/0.png")
    read: list[str] = []
    monkeypatch.setattr(
        "sjft.data.disk.digest_of_file", lambda path: read.append(path.name) or "new"
    )
    after = listed(chosen, data_root / "pets", before)
    assert read == ["0.png"]
    changed = after.filter(pl.col("digest") == "new")
    assert changed["path"].to_list() == ["a/cat/0.png"]
    assert before["digest"].n_unique() == len(NAMES)


def test_numbers_within_shards_stand_for_rows_of_images_csv(data_root: Path) -> None:
    table = listed(settings(), data_root / "pets")
    for part in PARTS:
        numbers = numbers_in_shards(table, part, SHARDS)
        assert sorted(np.concatenate(numbers)) == sorted(
            table.filter((pl.col("split") == "train") == (part == "train"))["image"]
        )
        for shard, of_one in enumerate(numbers):
            assert of_shard(table, part, shard)["image"].to_list() == of_one.tolist()
            assert set(table[of_one]["shard"]) == {shard}


def test_a_list_is_gone_through_once_however_many_shards_it_has() -> None:
    shards, images = 9999, 100_000
    of_row = np.random.default_rng(0).permutation(np.arange(images) % (shards - 1) + 1)
    held_out = np.arange(images) >= 90_000
    table = pl.DataFrame(
        {
            "image": np.arange(images, dtype=np.int32),
            "split": np.where(held_out, "test", "train"),
            "shard": of_row.astype(np.int32),
        }
    )
    for part in PARTS:
        before = time.process_time()
        numbers = numbers_in_shards(table, part, shards)
        assert time.process_time() - before < 1  # once for each shard takes seconds
        assert len(numbers) == shards
        for shard in (0, 1, 5000, shards - 1):
            expected = of_shard(table, part, shard)["image"].to_numpy()
            np.testing.assert_array_equal(numbers[shard], expected)
            assert numbers[shard].dtype == np.int32


# Renewing images.csv.


@pytest.fixture
def folder(data_root: Path) -> Path:
    """Where images.csv of these images lies."""
    made = data_root / "results"
    images = listed(settings(), data_root / "pets")
    record = Record(
        listed_by(settings(), "code"), snapshot(settings(), data_root), state_of(images, SHARDS)
    )
    made.mkdir()
    write_listing(made, images, record)
    for name in ("images.csv", "state.json"):
        os.utime(made / name, (1.5 * 10**9, 1.5 * 10**9))
    return made


def now(data_root: Path, folder: Path, *, refresh: bool = True, **changes: Any) -> Any:
    return current_state(settings(**changes), data_root, folder, "code", refresh=refresh)


def test_nothing_is_listed_while_nothing_has_changed(
    data_root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("listed again")

    before = state(data_root)
    monkeypatch.setattr("sjft.data.state.list_images", refuse)
    assert now(data_root, folder) == (before, None)


def test_a_change_renews_the_list_keeps_its_time_and_is_counted(
    data_root: Path, folder: Path
) -> None:
    (data_root / "pets/a/cat/0.png").unlink()
    save_images(data_root / "pets", ["a/cat/n.png", "b/dog/n.png"])
    replace_image(data_root / "pets/a/dog/0.png")
    found, changes = now(data_root, folder)
    assert changes == Changes(added=2, removed=1, replaced=1)
    assert changes.names == {
        "added": ["a/cat/n.png", "b/dog/n.png"],
        "removed": ["a/cat/0.png"],
        "replaced": ["a/dog/0.png"],
    }
    assert str(changes) == "2 added, 1 removed, 1 replaced"
    assert found == state(data_root)
    assert read_images(folder / "images.csv").equals(listed(settings(), data_root / "pets"))
    assert (folder / "images.csv").stat().st_mtime == 1.5 * 10**9
    assert now(data_root, folder) == (found, None)


def test_with_content_digests_a_new_time_alone_is_told_as_no_change(
    data_root: Path, tmp_path: Path
) -> None:
    folder, digested = tmp_path / "results", settings(content_digest=True)
    list_dataset(digested, data_root / "pets", data_root, "code", folder)
    for name in NAMES:
        os.utime(data_root / "pets" / name, (2 * 10**9, 2 * 10**9))
    assert now(data_root, folder, content_digest=True)[1] is None
    replace_image(data_root / "pets/a/cat/0.png")
    assert now(data_root, folder, content_digest=True)[1] == Changes(0, 0, replaced=1)


def test_watched_folders_of_another_place_are_looked_into_whatever_their_times(
    data_root: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    list_dataset(settings(watch="folders"), data_root / "pets", data_root, "code", folder)
    before = state(data_root)
    for name in ("moved", "others"):
        shutil.copytree(data_root / "pets", data_root / name)
    assert now(data_root, folder, watch="folders", root="moved") == (before, None)
    replace_image(data_root / "others/a/cat/0.png")  # in place: no folder has another time
    found, changes = now(data_root, folder, watch="folders", root="others")
    assert changes == Changes(added=0, removed=0, replaced=1)
    assert found != before
    assert now(data_root, folder, watch="folders", root="others") == (found, None)


def test_what_is_left_out_is_recorded_and_told_again_without_a_new_list(
    data_root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data_root / "pets/a/cat/phone.heic").touch()
    found, changes = now(data_root, folder)
    assert changes is None
    assert [line.partition(":")[2] for line in found.left_out] == [" a/cat/phone.heic"]
    monkeypatch.setattr("sjft.data.state.list_images", lambda *_, **__: pytest.fail("listed again"))
    assert now(data_root, folder)[0].left_out == found.left_out


@pytest.mark.parametrize("watch", ["images", "folders"])
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda place: (place / "gone.png").symlink_to("nowhere"), "leads nowhere: a/cat/gone.png"),
        (lambda place: (place / "loop").symlink_to(".."), "it lies in: a/cat/loop"),
        (lambda place: os.mkfifo(place / "pipe.png"), "device): a/cat/pipe.png"),
        (lambda place: (place / "._0.png").touch(), "hidden file or folder: a/cat/._0.png"),
        (lambda place: (place / "@eaDir").mkdir(), "systems leave behind: a/cat/@eaDir/"),
    ],
    ids=["broken link", "loop", "pipe", "hidden file", "system's folder"],
)
def test_what_is_left_out_later_is_told_as_well(
    data_root: Path, folder: Path, make: Callable[[Path], object], told: str, watch: str
) -> None:
    before, _ = now(data_root, folder, watch=watch)
    make(data_root / "pets/a/cat")
    found, changes = now(data_root, folder, watch=watch)
    assert (found, changes) == (before, None)
    assert [line.endswith(told) for line in found.left_out] == [True]


def test_a_dry_run_says_the_same_and_writes_nothing(data_root: Path, folder: Path) -> None:
    replace_image(data_root / "pets/a/dog/0.png")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found, changes = now(data_root, folder, refresh=False)
    assert changes == Changes(0, 0, 1)
    assert found == state(data_root)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_list_by_other_settings_is_left_to_the_rule_that_makes_it(
    data_root: Path, folder: Path
) -> None:
    before = (folder / "images.csv").read_bytes()
    found, changes = now(data_root, folder, exclude_classes=["eel"])
    assert changes is None
    assert found == state(data_root)
    assert (folder / "images.csv").read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{", '{"listed_by": "x"}'])
def test_a_record_that_cannot_be_used_is_as_none(data_root: Path, folder: Path, text: str) -> None:
    (folder / "state.json").write_text(text)
    assert read_record(folder) is None
    assert now(data_root, folder) == (state(data_root), None)


def test_what_to_do_with_bad_images_does_not_decide_the_list() -> None:
    before = listed_by(settings(), "code")
    for change in ({"on_bad_image": "skip"}, {"how_to_get": "Ask."}, {"watch": "folders"}):
        assert listed_by(settings(**change), "code") == before
    assert listed_by(settings(shards=4), "code") != before
    assert listed_by(settings(), "other code") != before


def test_a_listed_image_that_disappears_is_named(
    data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sjft.data.readers import ListedImage  # noqa: PLC0415

    gone = [ListedImage(f"{c}/{i}.png", c, "train") for c in ("cat", "dog") for i in range(9)]
    monkeypatch.setitem(READERS, "image_folder", lambda *_: gone)
    with pytest.raises(UserError, match=r"pets/cat/0\.png: is listed but cannot be found"):
        listed(settings(), data_root / "pets")
