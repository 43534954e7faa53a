"""What `sjft init` makes of folders as they are in the wild."""

import os
from pathlib import Path
from typing import Any

import pytest
from image_files import lay_out, random_image, save_images

from sjft.cli.init.layout import check_apart, look_at
from sjft.cli.init.survey import survey_source, survey_target
from sjft.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "Pilze, schöne"


@pytest.mark.parametrize(
    ("folders", "splits"),
    [
        (["a", "b"], {}),
        (
            ["train/a", "train/b", "val/a", "test/b"],
            {"train": "train", "val": "val", "test": "test"},
        ),
        (["training/a", "training/b", "validation/a"], {"train": "training", "val": "validation"}),
        (["Train/a", "Train/b", "VALID/b"], {"train": "Train", "val": "VALID"}),
        (["train/a/deep", "train/b/er", "testing/a"], {"train": "train", "test": "testing"}),
        (["a/one", "a/two", "b"], {}),  # folders in a class folder are the class's
        (["bus", "car", "train"], {}),  # a class that is called train
        (["train", "test", "exam"], {}),
    ],
)
def test_splits_are_told_from_classes(
    folder: Path, folders: list[str], splits: dict[str, str]
) -> None:
    layout = look_at(lay_out(folder, folders), "target")
    assert layout.splits == splits
    assert layout.folder == folder
    assert layout.notes == ()


@pytest.mark.parametrize("outer", ["train", "images/all", "Pilze"])
def test_a_lone_folder_is_looked_into(folder: Path, outer: str) -> None:
    layout = look_at(lay_out(folder, [f"{outer}/a", f"{outer}/b"]), "target")
    assert layout.folder == folder / outer
    assert "holds one folder alone" in layout.notes[0]


def test_a_target_keeps_its_splits_and_is_split_where_it_has_none(folder: Path) -> None:
    ready = survey_target(look_at(lay_out(folder / "x", ["train/a", "train/b", "val/a"]), "target"))
    assert ready.values["splits"] == {"train": "train", "val": "val"}
    assert ready.by_split == {"train": 6, "val": 3}
    small = survey_target(look_at(lay_out(folder / "y", ["a", "b"]), "target"))
    assert small.values["random_split"] == {"train": 0.7}
    assert small.by_split == {"train": 4, "test": 2}
    large = survey_target(look_at(lay_out(folder / "z", ["a", "b"], each=20), "target"))
    assert large.by_split == {"train": 28, "val": 4, "test": 8}
    assert large.classes == 2
    assert large.shorter_side == 16


def test_a_source_is_trained_on_as_a_whole(folder: Path) -> None:
    split = survey_source(look_at(lay_out(folder / "x", ["train/a", "train/b", "val/a"]), "source"))
    assert split.values["splits"] == {"train": "train"}
    assert split.by_split == {"train": 6}
    assert any("val/ left out" in note for note in split.notes)
    plain = survey_source(look_at(lay_out(folder / "y", ["a", "b"]), "source"))
    assert plain.values["splits"] == {"train": "."}
    assert plain.by_split == {"train": 6}


def test_what_is_left_out_is_said(folder: Path) -> None:
    lay_out(folder, ["train/a", "train/b", "test/a", "unlabelled"])
    (folder / "train" / "empty").mkdir()
    (folder / "train" / ".hidden").mkdir()
    layout = look_at(folder, "target")
    assert layout.empty == ("empty",)
    assert "unlabelled/" in layout.notes[0]
    assert "empty/" in layout.notes[1]
    assert survey_target(layout).values["exclude_classes"] == ["empty"]


def test_a_class_that_is_empty_in_one_split_alone_is_not_left_out(folder: Path) -> None:
    lay_out(folder, ["train/a", "train/b", "test/a"])
    (folder / "test" / "b").mkdir()
    layout = look_at(folder, "target")
    assert layout.empty == ()
    with pytest.raises(UserError, match="this class folder holds no image"):
        survey_target(layout)


def test_images_that_cannot_be_read_are_counted_and_will_be_left_out(folder: Path) -> None:
    lay_out(folder, ["a", "b"])
    (folder / "a" / "0.png").write_bytes(b"no image")
    survey = survey_source(look_at(folder, "source"))
    assert survey.skips_bad_images
    assert "1 of 6 images looked at cannot be read, a/0.png" in survey.notes[0]
    assert "a/0.png" not in survey.paths
    for path in folder.glob("*/*.png"):
        path.write_bytes(b"no image")
    with pytest.raises(UserError, match="none of 6 images"):
        survey_source(look_at(folder, "source"))


@pytest.mark.parametrize(("other", "told"), [("n01443537", True), ("goldfish", False)])
def test_classes_that_wnids_stand_for_can_have_names(folder: Path, other: str, told: bool) -> None:
    lay_out(folder / "store", ["n01440764", other], each=4)
    found = survey_source(look_at(folder / "store", "source"))
    assert any("the key `names`" in note for note in found.notes) == told


def test_a_class_of_one_image_is_told_of(folder: Path) -> None:
    lay_out(folder, ["a", "b"])
    random_image(0).save(folder / "lone.png")
    (folder / "c").mkdir()
    (folder / "lone.png").rename(folder / "c" / "lone.png")
    assert "1 of Pilze, schöne's classes" in survey_target(look_at(folder, "target")).notes[0]


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["1.png", "2.png"], "its 2 images lie in no class folders, and labels are needed"),
        (["train/1.png", "test/2.png"], "the images in train/ lie in no class folders"),
        (["val/a/1.png", "test/a/2.png"], "there is test/, val/ but no train/"),
        (["train/a/1.png", "training/b/1.png"], "both train/ and training/ could be the split"),
        ([], "holds no image"),
    ],
)
def test_folders_without_classes_are_refused(folder: Path, names: list[str], words: str) -> None:
    folder.mkdir()
    save_images(folder, names)
    with pytest.raises(UserError) as raised:
        look_at(folder, "target")
    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("folders", "each", "words"),
    [
        (["a"], 3, "there is one class only"),
        (["a", "b"], 1, "a random split leaves none to test"),
        (["train/a", "train/b", "test/c"], 3, "class 'c' has no training image"),
    ],
)
def test_targets_that_teach_nothing_are_refused(
    folder: Path, folders: list[str], each: int, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        survey_target(look_at(lay_out(folder, folders, each), "target"))


def test_other_files_and_no_folders_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="there is no such folder"):
        look_at(folder, "target")
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.heic").touch()
    (folder / "a" / "2.heic").touch()
    with pytest.raises(UserError, match=r"2 images ending in \.heic"):
        look_at(folder, "source")
    with pytest.raises(UserError, match="is a file"):
        look_at(folder / "a" / "1.heic", "source")
    (folder / "a.tar.gz").touch()
    with pytest.raises(UserError, match="Extract the archive"):
        look_at(folder / "a.tar.gz", "source")
    lay_out(folder, ["b"])
    random_image(0).save(folder / "stray.png")
    with pytest.raises(UserError, match=r"'stray\.png' lies in no class folder"):
        survey_source(look_at(folder, "source"))


def test_a_link_that_leads_back_ends(folder: Path) -> None:
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "back").symlink_to(folder)
    with pytest.raises(UserError, match="holds no image"):
        look_at(folder, "target")


def test_a_folder_that_is_a_broken_link_is_refused(folder: Path) -> None:
    for target in ("itself", "gone"):
        link = folder.parent / "itself"
        link.symlink_to(target)
        check_apart(link, folder)
        with pytest.raises(UserError, match=f"is a link that leads nowhere .to {target}"):
            look_at(link, "target")
        link.unlink()


def test_a_folder_that_may_not_be_read_is_not_taken_for_empty(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(folder, ["a", "b"])
    scandir = os.scandir

    def closed(place: Path | str) -> Any:
        if Path(place) == folder / "b":
            raise PermissionError(13, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", closed)
    with pytest.raises(UserError, match=r"b: cannot be read \(Permission denied\)"):
        look_at(folder, "target")


def test_links_and_relative_paths_are_kept_as_they_are(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_out(folder, ["a", "b"])
    link = folder.parent / "link"
    link.symlink_to(folder)
    assert look_at(link, "target").folder == link
    monkeypatch.chdir(folder)
    assert look_at(Path(), "target").folder == folder
    assert look_at(Path("../link"), "target").folder == link
    inner = lay_out(folder.parent / "elsewhere" / "inner", ["a", "b"])
    (folder.parent / "other").symlink_to(inner / "a")
    assert look_at(folder.parent / "other" / "..", "target").folder == inner


def test_target_and_source_are_two(folder: Path) -> None:
    lay_out(folder, ["a", "b", "more/c", "more/d"])
    link = folder.parent / "link"
    link.symlink_to(folder)
    with pytest.raises(UserError, match="is both target and source"):
        check_apart(folder, link)
    for pair in ((folder, folder / "more"), (folder / "more", folder)):
        with pytest.raises(UserError, match="lies in"):
            check_apart(*pair)
    check_apart(folder / "a", folder / "b")
