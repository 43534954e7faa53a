"""What a snapshot of a data set's files sees, and what it passes by."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from image_files import save_images
from watched_folder import SHARDS, replace_image, save_pets, settings

from sjft.data.omissions import Omissions
from sjft.data.state import listed, snapshot, state_of
from sjft.errors import UserError
from sjft.settings.dataset import CsvList, Synthetic


@pytest.fixture
def data_root(tmp_path: Path) -> Path:
    save_pets(tmp_path)
    return tmp_path


@pytest.mark.parametrize("watch", ["images", "folders"])
def test_a_snapshot_is_the_same_while_nothing_changes_wherever_the_data_lie(
    data_root: Path, watch: str
) -> None:
    before = snapshot(settings(watch=watch), data_root)
    assert snapshot(settings(watch=watch), data_root) == before
    (data_root / "pets").rename(data_root / "moved")
    assert snapshot(settings(watch=watch, root="moved"), data_root) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "a/cat/0.png").unlink(),
        lambda root: save_images(root, ["a/cat/new.png"]),
        lambda root: save_images(root, ["b/eel/deep/new.png"]),
        lambda root: (root / "a/cat/0.png").rename(root / "a/cat/zero.png"),
    ],
)
@pytest.mark.parametrize("watch", ["images", "folders"])
def test_a_snapshot_changes_with_the_names(
    data_root: Path, change: Callable[[Path], None], watch: str
) -> None:
    before = snapshot(settings(watch=watch), data_root)
    change(data_root / "pets")
    assert snapshot(settings(watch=watch), data_root) != before


def test_a_image_that_is_overwritten_is_seen_by_its_own_size_and_time(data_root: Path) -> None:
    ways = [settings(watch="images"), settings(watch="folders")]
    before = [snapshot(way, data_root) for way in ways]
    replace_image(data_root / "pets/a/cat/0.png")
    after = [snapshot(way, data_root) for way in ways]
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_a_snapshot_follows_the_table_of_a_listed_data_set(data_root: Path) -> None:
    (data_root / "outside").mkdir()
    table = data_root / "outside/list.csv"
    entry = CsvList(reader="csv", root="pets", file=str(table))
    states = [snapshot(entry, data_root)]
    for text in ("path,class\n", "path,class,split\n"):
        table.write_text(text)
        states.append(snapshot(entry, data_root))
    assert len(set(states)) == 3


def test_sample_images_have_no_snapshot(data_root: Path) -> None:
    made = Synthetic.model_validate(
        {
            "reader": "synthetic",
            "contents": ["disc", "ring"],
            "styles": ["hatching"],
            "per_class": {"train": 1},
        }
    )
    assert snapshot(made, data_root) == ""


@pytest.mark.parametrize("watch", ["images", "folders"])
def test_loops_broken_links_and_pipes_neither_hold_a_snapshot_up_nor_add_a_image(
    data_root: Path, watch: str
) -> None:
    before = listed(settings(), data_root / "pets")
    (data_root / "pets/a/cat/loop").symlink_to("..")
    (data_root / "pets/a/dog/all").symlink_to("../..")
    (data_root / "pets/a/dog/itself").symlink_to("itself")
    (data_root / "pets/b/dog/gone.png").symlink_to("nowhere.png")
    os.mkfifo(data_root / "pets/b/dog/pipe.png")
    chosen = settings(watch=watch)
    taken = snapshot(chosen, data_root)
    assert snapshot(chosen, data_root) == taken
    omissions = Omissions()
    after = listed(chosen, data_root / "pets", omissions=omissions)
    assert after.equals(before)
    assert state_of(after, SHARDS, omissions).left_out == [
        "2 links that lead nowhere: a/dog/itself, b/dog/gone.png",
        "2 links that lead back to a folder they lie in: a/cat/loop, a/dog/all",
        "1 name of an image that is no file (a pipe, socket or device): b/dog/pipe.png",
    ]


@pytest.mark.parametrize("watch", ["images", "folders"])
def test_a_snapshot_looks_into_folders_however_deep(data_root: Path, watch: str) -> None:
    save_images(data_root / "pets", ["a/cat/1/2/3/4/5/deep.png"])
    before = snapshot(settings(watch=watch), data_root)
    save_images(data_root / "pets", ["a/cat/1/2/3/4/5/deeper.png"])
    assert snapshot(settings(watch=watch), data_root) != before


def test_a_folder_that_cannot_be_read_is_named(data_root: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: cannot be read \(No such file"):
        snapshot(settings(root="nowhere"), data_root)
