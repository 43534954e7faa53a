"""MIT Indoor 67: its lists, and what is wrong with them."""

import pytest
from image_files import touch
from reading import read, refused, settings

from sjft.data.folders import Walk
from sjft.data.readers import READERS, ListedImage


def test_indoor67_goes_by_its_lists_and_counts_what_they_leave_out(built) -> None:
    root = built("indoor67")
    touch(root, ["Images/bar/raw.heic", "Images/bar/._spare.jpg", "Images/bar/notes.txt"])
    walk = Walk(root)
    assert READERS["indoor67"](settings("indoor67"), root, walk) == [
        ListedImage("Images/bar/A_1.jpg", "bar", "train"),
        ListedImage("Images/bar/two words.jpg", "bar", "train"),
        ListedImage("Images/attic/x.jpg", "attic", "train"),
        ListedImage("Images/attic/Y.jpg", "attic", "test"),
    ]
    assert walk.omissions.lines() == [
        "2 images on disk that are in no list: Images/bar/raw.heic, Images/bar/spare.jpg",
        "1 hidden file or folder: Images/bar/._spare.jpg",
    ]


def test_names_that_differ_in_capitals_are_spelt_as_on_disk(
    built, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    root = built("indoor67")
    (root / "Images/bar/A_1.jpg").rename(root / "Images/bar/a_1.JPG")
    (root / "Images/attic").rename(root / "Images/Attic")
    paths = [image.path for image in read(root, "indoor67")]
    assert paths[0] == "Images/bar/a_1.JPG"
    assert paths[2:] == ["Images/Attic/x.jpg", "Images/Attic/Y.jpg"]
    assert "3 listed names differ from the disk in capitals only" in caplog.text


def test_two_files_that_differ_in_capitals_stand_for_neither(built) -> None:
    root = built("indoor67")
    (root / "Images/bar/A_1.jpg").rename(root / "Images/bar/a_1.JPG")
    touch(root, ["Images/bar/a_1.jpg"])
    refused(root, "indoor67", "TrainImages.txt, row 1: there is no image", "A_1.jpg")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("lost.jpg", ("TestImages.txt, row 3: 'lost.jpg' is in no class", "<class>/<image>")),
        ("a/b/c.jpg", ("row 3: 'a/b/c.jpg' is in no class",)),
        ("attic/Y.jpg", ("row 3: 'Images/attic/Y.jpg' stands in row 1 already. Each",)),
        ("attic/y.JPG", ("row 3: 'Images/attic/y.JPG' stands in row 1 already. Each",)),
        ("bar/A_1.jpg", ("TrainImages.txt, row 1 already; it is both train and test",)),
    ],
)
def test_a_wrong_row_of_indoor67_is_named(built, line: str, words: tuple[str, ...]) -> None:
    root = built("indoor67")
    (root / "TestImages.txt").write_text(f"attic/Y.jpg\r\n\r\n{line}\r\n")
    refused(root, "indoor67", *words)


@pytest.mark.parametrize(("text", "words"), [(b" \n\n", "has no rows"), (b"\xff\xfe\n", "UTF-8")])
def test_an_empty_or_foreign_list_is_refused(built, text: bytes, words: str) -> None:
    root = built("indoor67")
    (root / "TestImages.txt").write_bytes(text)
    refused(root, "indoor67", "TestImages.txt: ", words)
