"""ImageNet: classes by their WNIDs, and their names."""

import os
from typing import Any

import pytest
from image_files import touch
from published_trees import WORDS
from reading import read, refused, sizes
from scipy.io import savemat


def test_imagenet_classes_are_wnids_or_have_their_first_name_too(built) -> None:
    root = built("imagenet")
    assert {i.class_name for i in read(root, "imagenet")} == set(WORDS)
    for names in ("synsets.txt", "meta.mat", str(root / "meta.mat")):
        listed = read(root, "imagenet", names=names)
        assert sizes(listed) == {"train": 6}
        assert {i.class_name for i in listed} == {
            *("n01440764 tench", "n02012849 crane", "n03126707 crane")
        }


def test_class_folders_of_other_data_may_have_names_too(built) -> None:
    root = built("imagenet")
    for ways in ({"splits": {"train": "train"}}, {"random_split": {"train": 0.5}}):
        if "random_split" in ways:
            (root / "synsets.txt").rename(root.parent / "synsets.txt")
            root /= "train"
            ways["names"] = "../../synsets.txt"
        listed = read(root, "image_folder", **{"names": "synsets.txt", **ways})
        assert {i.class_name for i in listed} == {
            *("n01440764 tench", "n02012849 crane", "n03126707 crane")
        }
    (root / "n1").mkdir()
    touch(root, ["n1/1.jpg"])
    told = {"random_split": {"train": 0.5}, "names": "../../synsets.txt"}
    refused(root, "image_folder", "has no name for the class folder", "n1", **told)


def test_imagenet_asks_for_no_file_by_itself(built, monkeypatch: pytest.MonkeyPatch) -> None:
    root = built("imagenet")
    asked: list[str] = []
    for name in ("stat", "lstat"):
        real = getattr(os, name)

        def counting(path: Any, *, real: Any = real, **options: Any) -> Any:
            asked.append(str(path))
            return real(path, **options)

        monkeypatch.setattr(os, name, counting)
    assert len(read(root, "imagenet")) == 6
    assert not [path for path in asked if path.endswith(".JPEG")]


def test_names_must_know_every_wnid_and_be_readable(built) -> None:
    root = built("imagenet")
    (root / "synsets.txt").write_text("n01440764 tench, Tinca tinca\n")
    refused(root, "imagenet", "has no name for the class folder", "n02012849", names="synsets.txt")
    (root / "synsets.txt").write_text("n01440764 tench\nn02012849\n")
    refused(root, "imagenet", "synsets.txt, row 2: 'n02012849'; expected", names="synsets.txt")
    refused(root, "imagenet", "none.txt: there is no such file", names="none.txt")
    savemat(root / "meta.mat", {"synsets": [1, 2]})
    refused(root, "imagenet", "`synsets` has no fields `WNID` and `words`", names="meta.mat")


def test_a_image_beside_the_wnids_is_named(built) -> None:
    root = built("imagenet")
    touch(root, ["train/lost.JPEG"])
    refused(root, "imagenet", "'lost.JPEG' lies in no class folder")
