"""Oxford Flowers 102: labels and sets in MATLAB files."""

import json

import pytest
from published_trees import write_flowers
from reading import read, refused, sizes
from scipy.io import savemat

from sjft.data.readers import ListedImage


def test_flowers102_trains_on_one_set_or_on_both(built) -> None:
    root = built("flowers102")
    listed = read(root, "flowers102")
    assert listed[:3] == [
        ListedImage("jpg/image_00006.jpg", "003", "train"),
        ListedImage("jpg/image_00001.jpg", "077", "train"),
        ListedImage("jpg/image_00002.jpg", "003", "val"),
    ]
    assert sizes(listed) == {"train": 2, "val": 2, "test": 2}
    assert sizes(read(root, "flowers102", train="trn+val")) == {"train": 4, "test": 2}


@pytest.mark.parametrize("name", ["names.txt", "names.json"])
def test_flowers102_takes_class_names_from_a_file(built, name: str) -> None:
    root = built("flowers102")
    names = {label: f"flower {label}" for label in range(102, 0, -1)}
    text = json.dumps(names, indent=2) if name.endswith("json") else "\n".join([*names.values()])
    (root / name).write_text(text)
    expected = {"flower 3", "flower 77"} if name.endswith("json") else {"flower 100", "flower 26"}
    assert {image.class_name for image in read(root, "flowers102", names=name)} == expected


@pytest.mark.parametrize("text", ["rose\n" * 102, "rose\ntulip\n"])
def test_class_names_must_be_as_many_as_classes(built, text: str) -> None:
    root = built("flowers102")
    (root / "names.txt").write_text(text)
    refused(root, "flowers102", "names.txt: has", "expected are 102", names="names.txt")


@pytest.mark.parametrize(
    ("labels", "sets", "words"),
    [
        ([77, 3, 0], ([1], [2], [3]), ("imagelabels.mat: the label 0 of image 3 is out of range",)),
        ([77, 103, 3], ([1], [2], [3]), ("the label 103 of image 2", "allowed are 1 to 102")),
        ([77, 3, 3], ([1], [2], [4]), ("`tstid`, row 1, names image 4, but", "has 3 labels")),
        ([77, 3, 3], ([1], [2], [0]), ("`tstid`, row 1, names image 0",)),
        ([77, 3, 3], ([1], [2], []), ("setid.mat: names 2 images, but", "has 3 labels")),
        (
            [77, 3, 3],
            ([1], [2, 3], [3]),
            ("`tstid`, row 1: 'jpg/image_00003.jpg'", "`valid`, row 2 already", "val and test"),
        ),
    ],
)
def test_flower_files_that_do_not_fit_are_refused(
    built, labels: list[int], sets: tuple[list[int], ...], words: tuple[str, ...]
) -> None:
    root = built("flowers102")
    write_flowers(root, labels, *sets)
    refused(root, "flowers102", *words)


def test_a_damaged_matlab_file_and_a_missing_variable_are_named(built) -> None:
    root = built("flowers102")
    savemat(root / "setid.mat", {"trnid": [1]})
    refused(root, "flowers102", "setid.mat: has no variable `valid`; it has trnid")
    (root / "setid.mat").write_bytes((root / "setid.mat").read_bytes()[:140])
    refused(root, "flowers102", "setid.mat: cannot be read as a MATLAB file")
