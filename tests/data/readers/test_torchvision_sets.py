"""torchvision's own data sets, listed by it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from image_files import touch
from pydantic import ValidationError
from reading import read, refused, settings

from sjft.data.readers import ListedImage


def build_pets(root: Path) -> None:
    folder = root / "oxford-iiit-pet"
    names = ["Abyssinian_1", "Abyssinian_2", "pug_1", "pug_2"]
    touch(folder, [*(f"images/{name}.jpg" for name in names), "annotations/x"])
    for split, number in (("trainval", 1), ("test", 2)):
        rows = [f"Abyssinian_{number} 1 1 1", f"pug_{number} 2 2 1"]
        (folder / "annotations" / f"{split}.txt").write_text("\n".join(rows) + "\n")


PETS = {
    "dataset": "OxfordIIITPet",
    "splits": {"train": {"split": "trainval"}, "test": {"split": "test"}},
}


def test_a_torchvision_set_is_listed_by_its_own_splits(tmp_path: Path) -> None:
    build_pets(tmp_path)
    assert read(tmp_path, "torchvision", **PETS) == [
        ListedImage("oxford-iiit-pet/images/Abyssinian_1.jpg", "Abyssinian", "train"),
        ListedImage("oxford-iiit-pet/images/pug_1.jpg", "Pug", "train"),
        ListedImage("oxford-iiit-pet/images/Abyssinian_2.jpg", "Abyssinian", "test"),
        ListedImage("oxford-iiit-pet/images/pug_2.jpg", "Pug", "test"),
    ]


def test_a_torchvision_set_without_splits_is_split_at_random(tmp_path: Path) -> None:
    touch(tmp_path, [f"eurosat/2750/{c}/{i}.jpg" for c in ("Forest", "River") for i in range(5)])
    listed = read(tmp_path, "torchvision", dataset="EuroSAT", random_split={"train": 3})
    assert Counter((i.class_name, i.split) for i in listed) == {
        (name, split): number
        for name in ("Forest", "River")
        for split, number in (("train", 3), ("test", 2))
    }


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"dataset": "CIFAR10"}, ["CIFAR10 has no file and label for each image", "image_folder"]),
        ({"dataset": "Kitti"}, ["Kitti", "cannot be made of this folder", "Nothing is downloaded"]),
        ({"dataset": "OxfordIITPet"}, ["no data set 'OxfordIITPet'", "mean OxfordIIITPet?"]),
        ({"arguments": {"spilt": "x"}}, ["OxfordIIITPet(spilt='x'", "'spilt'"]),
        ({"splits": {"train": {"split": "val"}}}, ["Unknown value 'val' for argument split"]),
        ({"splits": {"train": {}, "test": {}}}, ["row 3", "it is both train and test"]),
    ],
)
def test_a_torchvision_set_that_cannot_be_listed_is_explained(
    tmp_path: Path, keys: dict[str, Any], words: list[str]
) -> None:
    build_pets(tmp_path)
    refused(tmp_path, "torchvision", *words, **{**PETS, **keys})


def test_a_torchvision_set_is_the_same_through_a_link_and_counts_each_image_once(
    tmp_path: Path,
) -> None:
    build_pets(tmp_path / "pets")
    before = read(tmp_path / "pets", "torchvision", **PETS)
    (tmp_path / "link").symlink_to("pets")
    assert read(tmp_path / "link", "torchvision", **PETS) == before
    keys = {"dataset": "EuroSAT", "random_split": {"train": 3}}
    touch(tmp_path, [f"eurosat/2750/{c}/{i}.jpg" for c in ("Forest", "River") for i in range(5)])
    (tmp_path / "eurosat/2750/River/loop").symlink_to("..")
    refused(tmp_path, "torchvision", "torchvision's EuroSAT, row ", "stands in row", **keys)


def test_an_image_of_a_torchvision_set_that_is_not_there_is_named(tmp_path: Path) -> None:
    build_pets(tmp_path)
    (tmp_path / "oxford-iiit-pet/images/pug_1.jpg").unlink()
    words = "OxfordIIITPet, row 2: there is no image", "Extract the data set again"
    refused(tmp_path, "torchvision", *words, **PETS)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"splits": None}, "give either `splits` or `random_split`"),
        ({"splits": {"test": {}}}, "`splits` must name the arguments of `train`"),
        ({"arguments": {"download": True}}, "`download` is no argument to give"),
        ({"splits": {"train": {"root": "x"}}}, "`root` is no argument to give"),
    ],
)
def test_arguments_that_are_not_the_users_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        settings("torchvision", **{**PETS, **keys})


def test_classes_of_one_name_stay_two(tmp_path: Path) -> None:
    wnids = {"n02012849": ("crane",), "n03126707": ("crane",), "n01440764": ("tench", "Tinca")}
    torch.save((wnids, []), tmp_path / "meta.bin")
    touch(tmp_path, [f"train/{wnid}/{wnid}_0.JPEG" for wnid in wnids])
    listed = read(tmp_path, "torchvision", dataset="ImageNet", splits={"train": {"split": "train"}})
    assert {image.path.split("/")[1]: image.class_name for image in listed} == {
        "n01440764": "tench, Tinca",
        "n02012849": "crane (1)",
        "n03126707": "crane (2)",
    }
