"""Places 205 and 365: rows of a path and a label, and the categories."""

from typing import Any

import pytest
from image_files import touch
from reading import read, refused, sizes


@pytest.mark.parametrize("reader", ["places205", "places365"])
@pytest.mark.parametrize("categories", [None, "categories.txt"])
def test_places_classes_have_their_folders_names(built, reader: str, categories: Any) -> None:
    listed = read(built(reader), reader, categories=categories)
    assert sizes(listed) == {"train": 6}
    assert listed[2].path.endswith("/a/arena/hockey/00000001.jpg")
    assert [i.class_name for i in listed[::2]] == ["abbey", "arena/hockey", "bar"]


def test_a_list_without_folders_needs_the_categories(built) -> None:
    root = built("places365")
    touch(root, [f"val_256/{k}.jpg" for k in range(3)])
    (root / "val.txt").write_text("0.jpg 2\n1.jpg 1\n2.jpg 0\n")
    keys = {"list_file": "val.txt", "images": "val_256"}
    listed = read(root, "places365", categories="categories.txt", **keys)
    assert [i.class_name for i in listed] == ["bar", "arena/hockey", "abbey"]
    refused(root, "places365", "row 1: '0.jpg' lies in no class folder", "`categories`", **keys)


@pytest.mark.parametrize(
    ("row", "categories", "words"),
    [
        ("/b/bar/00000001.jpg", None, "expected a path, a space and a label"),
        ("/b/bar/00000001.jpg x", None, "expected a path, a space and a label"),
        ("/b/bar/00000001.jpg 365", None, "the label 365 is out of range; allowed are 0 to 364"),
        ("/b/bar/00000001.jpg -1", None, "the label -1 is out of range"),
        ("/b/bar/00000001.jpg 3", "categories.txt", "allowed are 0 to 2"),
        ("/b/bar/00000001.jpg 1", "categories.txt", "is that of 'arena/hockey'"),
        ("/b/bar/00000001.jpg 0", None, "the label 0 of 'b/bar/00000001.jpg' is that of 'abbey'"),
        ("/a/abbey/00000001.jpg 0", None, "stands in row 1 already"),
    ],
)
def test_a_wrong_row_of_places_is_named(built, row: str, categories: Any, words: str) -> None:
    root = built("places365")
    (root / "list.txt").write_text(f"/a/abbey/00000001.jpg 0\n{row}\n")
    keys = {"list_file": "list.txt", "categories": categories}
    refused(root, "places365", f"{root / 'list.txt'}, row 2: ", words, **keys)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/a/abbey 0\n/b/bar 0\n", "categories.txt, row 2: the label 0 has a category already"),
        ("/a/abbey 0\n/b/bar 2\n", "categories.txt: the labels must be 0 to 1"),
        ("/a/abbey 0\n/a/abbey 1\n", "each category must stand there once"),
    ],
)
def test_wrong_categories_are_refused(built, text: str, words: str) -> None:
    root = built("places365")
    (root / "categories.txt").write_text(text)
    refused(root, "places365", words, categories="categories.txt")
