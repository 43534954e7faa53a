"""Readers of class folders: images become lists of images, or messages that name the folder."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from image_files import save_images, touch
from pydantic import ValidationError

from sjft.data.folders import Walk
from sjft.data.omissions import Reason
from sjft.data.readers import ListedImage, read_image_folder
from sjft.errors import UserError
from sjft.settings.dataset import ImageFolder

NAMES = ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"]


def folder(**settings: Any) -> ImageFolder:
    return ImageFolder.model_validate({"reader": "image_folder", "root": "x", **settings})


ALL_TRAIN = folder(splits={"train": "."})


def test_each_split_has_its_folder_of_class_folders(tmp_path: Path) -> None:
    save_images(tmp_path, ["fit/cat/1.png", "fit/dog/1.png", "check/cat/2.png"])
    listed = read_image_folder(folder(splits={"train": "fit", "test": "check"}), tmp_path)
    assert listed == [
        ListedImage("fit/cat/1.png", "cat", "train"),
        ListedImage("fit/dog/1.png", "dog", "train"),
        ListedImage("check/cat/2.png", "cat", "test"),
    ]


def test_a_split_may_lie_in_the_root_itself(tmp_path: Path) -> None:
    touch(tmp_path, NAMES)
    listed = read_image_folder(ALL_TRAIN, tmp_path)
    assert [image.path for image in listed] == NAMES
    assert {image.split for image in listed} == {"train"}


def test_nested_folders_belong_to_the_class_above_them(tmp_path: Path) -> None:
    touch(tmp_path, ["cat/a/b/1.png", "cat/2.png", "dog/1.png"])
    listed = read_image_folder(ALL_TRAIN, tmp_path)
    assert [(i.path, i.class_name) for i in listed] == [
        ("cat/2.png", "cat"),
        ("cat/a/b/1.png", "cat"),
        ("dog/1.png", "dog"),
    ]


def test_suffixes_count_in_upper_case_and_other_files_do_not(tmp_path: Path) -> None:
    touch(tmp_path, ["cat/1.JPG", "cat/2.JpEg", "cat/notes.txt", "cat/Thumbs.db", "cat/jpg"])
    listed = read_image_folder(ALL_TRAIN, tmp_path)
    assert [image.path for image in listed] == ["cat/1.JPG", "cat/2.JpEg"]


def test_hidden_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    touch(tmp_path, ["cat/1.png", "cat/._1.png", "cat/.cache/1.png", ".git/1.png", ".x.png"])
    assert [image.path for image in read_image_folder(ALL_TRAIN, tmp_path)] == ["cat/1.png"]


def test_linked_class_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, ["elsewhere/1.png", "data/dog/1.png"])
    (tmp_path / "data" / "cat").symlink_to(tmp_path / "elsewhere")
    listed = read_image_folder(ALL_TRAIN, tmp_path / "data")
    assert [image.path for image in listed] == ["cat/1.png", "dog/1.png"]


def test_excluded_classes_are_left_out_even_when_they_are_empty(tmp_path: Path) -> None:
    touch(tmp_path, NAMES)
    (tmp_path / "clutter").mkdir()
    settings = folder(splits={"train": "."}, exclude_classes=["clutter", "dog"])
    assert {image.class_name for image in read_image_folder(settings, tmp_path)} == {"cat"}


def test_an_empty_class_folder_is_named(tmp_path: Path) -> None:
    touch(tmp_path, [*NAMES, "eel/readme.txt"])
    with pytest.raises(UserError, match=r"eel: this class folder holds no image"):
        read_image_folder(ALL_TRAIN, tmp_path)


def test_a_stray_image_is_named(tmp_path: Path) -> None:
    touch(tmp_path, [*NAMES, "lost.JPG"])
    with pytest.raises(UserError, match=r"the image 'lost.JPG' lies in no class folder"):
        read_image_folder(ALL_TRAIN, tmp_path)


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there are no class folders"):
        read_image_folder(ALL_TRAIN, tmp_path)


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere: there is no such folder"):
        read_image_folder(ALL_TRAIN, tmp_path / "nowhere")


def test_a_file_in_the_place_of_the_root_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, ["file"])
    with pytest.raises(UserError, match="is a file; a folder is expected"):
        read_image_folder(ALL_TRAIN, tmp_path / "file")


def test_a_split_s_folder_that_is_a_broken_link_is_named(tmp_path: Path) -> None:
    touch(tmp_path, [f"fit/{name}" for name in NAMES])
    (tmp_path / "check").symlink_to("/nowhere")
    with pytest.raises(
        UserError, match=r"check: is a link that leads nowhere, to '/nowhere'\. Correct `root` or"
    ):
        read_image_folder(folder(splits={"train": "fit", "test": "check"}), tmp_path)


@pytest.mark.parametrize("where", [".", "fit"])
def test_a_class_folder_that_is_a_broken_link_is_named_and_can_be_left_out(
    tmp_path: Path, where: str
) -> None:
    touch(tmp_path / where, NAMES)
    (tmp_path / where / "001.eel").symlink_to("/mnt/gone/eel")
    with pytest.raises(UserError, match=r"001\.eel: this link leads nowhere, to '/mnt/gone/eel'"):
        read_image_folder(folder(splits={"train": where}), tmp_path)
    settings = folder(splits={"train": where}, exclude_classes=["001.eel"])
    walk = Walk(tmp_path)
    assert len(read_image_folder(settings, tmp_path, walk)) == 4
    assert walk.omissions.count(Reason.EXCLUDED) == walk.omissions.count() == 1


def test_a_class_is_left_out_by_either_unicode_form_of_its_name(tmp_path: Path) -> None:
    touch(tmp_path, [*NAMES, "Ba\u0308r/1.png"])
    settings = folder(splits={"train": "."}, exclude_classes=["B\u00e4r"])
    assert {image.class_name for image in read_image_folder(settings, tmp_path)} == {"cat", "dog"}


def test_a_class_folder_that_leads_back_is_no_class(tmp_path: Path) -> None:
    touch(tmp_path, NAMES)
    (tmp_path / "all").symlink_to(".")
    (tmp_path / "cat" / "loop").symlink_to("../../" + tmp_path.name)
    walk = Walk(tmp_path)
    assert [image.path for image in read_image_folder(ALL_TRAIN, tmp_path, walk)] == NAMES
    assert walk.omissions.count(Reason.LOOP) == walk.omissions.count() == 2


@pytest.mark.parametrize(
    ("link", "target", "kept"),
    [
        ("kitten", "cat", {"cat", "dog"}),
        ("dog/more", "../cat", {"cat"}),
        ("ant/more", "../cat", {"ant", "dog"}),
    ],
)
def test_one_folder_cannot_be_two_classes(
    tmp_path: Path, link: str, target: str, kept: set[str]
) -> None:
    touch(tmp_path, [*NAMES, "ant/1.png"])
    (tmp_path / link).symlink_to(target)
    with pytest.raises(UserError, match=r"is the same folder as '(cat|dog/more|ant/more)', by a l"):
        read_image_folder(ALL_TRAIN, tmp_path)
    excluded = {"ant", "cat", "dog", "kitten"} - kept
    settings = folder(splits={"train": "."}, exclude_classes=sorted(excluded))
    assert {image.class_name for image in read_image_folder(settings, tmp_path)} == kept


@pytest.mark.parametrize("order", [("train", "test"), ("test", "train")])
def test_a_split_inside_another_lists_its_images_twice(
    tmp_path: Path, order: tuple[str, str]
) -> None:
    touch(tmp_path, [*NAMES, "check/cat/9.png"])
    splits = {"train": ".", "test": "check"}
    settings = folder(splits={split: splits[split] for split in order})
    listed = [image.path for image in read_image_folder(settings, tmp_path)]
    assert listed.count("check/cat/9.png") == 2


def test_one_folder_cannot_be_two_splits(tmp_path: Path) -> None:
    touch(tmp_path, [f"fit/{name}" for name in NAMES])
    (tmp_path / "check").symlink_to("fit")
    with pytest.raises(UserError, match=r"check/cat: is the same folder as 'fit/cat', by a link"):
        read_image_folder(folder(splits={"train": "fit", "test": "check"}), tmp_path)


def test_what_lies_beside_classes_and_in_an_empty_one_is_told(tmp_path: Path) -> None:
    touch(tmp_path, [*NAMES, "labels.txt", "@eaDir/1.jpg", "eel/1.heic", "eel/@eaDir/2.jpg"])
    with pytest.raises(UserError) as error:
        read_image_folder(ALL_TRAIN, tmp_path)
    for words in ("eel: this class folder holds no", "1 image ending in .heic", "eel/@eaDir/."):
        assert words in str(error.value)
    walk = Walk(tmp_path)
    (tmp_path / "eel/2.jfif").touch()
    assert len(read_image_folder(ALL_TRAIN, tmp_path, walk)) == 5
    assert "1 file whose ending is no image's: labels.txt" in walk.omissions.lines()
    assert "2 files or folders that systems leave behind: @eaDir/, eel/@eaDir/" in (
        walk.omissions.lines()
    )


@pytest.mark.parametrize("given", ["./fit", "fit/", "x/../fit", "fit//"])
def test_a_splits_folder_is_written_in_one_way(tmp_path: Path, given: str) -> None:
    touch(tmp_path, [f"fit/{name}" for name in NAMES])
    listed = read_image_folder(folder(splits={"train": given}), tmp_path)
    assert [image.path for image in listed] == [f"fit/{name}" for name in NAMES]


@pytest.mark.parametrize("given", ["/elsewhere", "../elsewhere", "fit/../.."])
def test_a_splits_folder_outside_the_root_is_refused(given: str) -> None:
    with pytest.raises(ValidationError, match="does not lie below `root`"):
        folder(splits={"train": given})


def split_of(root: Path, **random_split: float) -> dict[str, str]:
    listed = read_image_folder(folder(random_split=random_split), root)
    return {image.path: image.split for image in listed}


def sizes(splits: dict[str, str]) -> Counter[tuple[str, str]]:
    return Counter((path.split("/")[0], split) for path, split in splits.items())


@pytest.fixture
def ten_and_five(tmp_path: Path) -> Path:
    touch(tmp_path, [f"cat/{i}.png" for i in range(10)] + [f"dog/{i}.png" for i in range(5)])
    return tmp_path


def test_a_random_split_takes_shares_of_each_class(ten_and_five: Path) -> None:
    assert sizes(split_of(ten_and_five, train=0.6, val=0.2)) == {
        ("cat", "train"): 6,
        ("cat", "val"): 2,
        ("cat", "test"): 2,
        ("dog", "train"): 3,
        ("dog", "val"): 1,
        ("dog", "test"): 1,
    }


def test_a_random_split_takes_numbers_of_each_class(ten_and_five: Path) -> None:
    assert sizes(split_of(ten_and_five, train=3, val=1)) == {
        ("cat", "train"): 3,
        ("cat", "val"): 1,
        ("cat", "test"): 6,
        ("dog", "train"): 3,
        ("dog", "val"): 1,
        ("dog", "test"): 1,
    }


@pytest.mark.parametrize(
    ("random_split", "message"),
    [
        ("{train: 1}", "`train: 1` may mean all images of a class, or one"),
        ("{train: 1.0}", "`train: 1` may mean all images of a class, or one"),
        ("{train: 1, val: 1}", "`train: 1` may mean all"),
        ("{train: 0.7, val: 1}", "`val: 1` may mean all images of a class, or one"),
        ("{train: 0.7, val: 1.0}", "`val: 1` may mean all images of a class, or one"),
        ("{train: 1.5}", "1.5 is neither a share below 1 nor a whole number"),
        ("{train: 3, val: 2.5}", "2.5 is neither a share below 1 nor a whole number"),
        ("{train: 0.9, val: 0.2}", "0.9` and `val: 0.2` are together more than the whole"),
        ("{train: 0}", "greater than 0"),
        ("{val: -1}", "greater than or equal to 0"),
        ("{train: .nan}", "finite number"),
    ],
)
def test_shares_and_numbers_that_have_no_one_meaning_are_refused(
    random_split: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        folder(random_split=yaml.safe_load(random_split))


@pytest.mark.parametrize(
    ("random_split", "train", "val"),
    [
        ("{train: 0.99}", 10, 0),
        ("{train: 0.7, val: 0}", 7, 0),
        ("{train: 0.7, val: 0.3}", 7, 3),
        ("{train: 2}", 2, 0),
        ("{train: 2.0, val: 1}", 2, 1),
        ("{train: 4, val: 0.5}", 4, 5),
        ("{train: 0.5, val: 2}", 5, 2),
        ("{train: 20}", 10, 0),
    ],
)
def test_shares_are_below_1_and_numbers_whole(
    ten_and_five: Path, random_split: str, train: int, val: int
) -> None:
    found = sizes(split_of(ten_and_five, **yaml.safe_load(random_split)))
    assert (found["cat", "train"], found["cat", "val"]) == (train, val)


def test_a_class_smaller_than_its_number_is_all_training(ten_and_five: Path) -> None:
    assert sizes(split_of(ten_and_five, train=7)) == {
        ("cat", "train"): 7,
        ("cat", "test"): 3,
        ("dog", "train"): 5,
    }


def test_a_random_split_is_complete_and_repeatable(ten_and_five: Path) -> None:
    first = split_of(ten_and_five, train=0.5, seed=4)
    everything = {p.relative_to(ten_and_five).as_posix() for p in ten_and_five.rglob("*.png")}
    assert first.keys() == everything
    assert split_of(ten_and_five, train=0.5, seed=4) == first


def test_seeds_draw_different_splits(ten_and_five: Path) -> None:
    draws = {tuple(split_of(ten_and_five, train=5, seed=s).values()) for s in range(8)}
    assert len(draws) == 8


def test_each_image_is_drawn_about_as_often_as_any_other(ten_and_five: Path) -> None:
    drawn = Counter(
        path
        for seed in range(100)
        for path, split in split_of(ten_and_five, train=5, seed=seed).items()
        if split == "train" and path.startswith("cat")
    )
    assert len(drawn) == 10
    assert min(drawn.values()) >= 30
    assert max(drawn.values()) <= 70
