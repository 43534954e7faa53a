"""Columns of a user's list that no stage goes by: which are read, and for which images."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from image_files import random_image

from sjft.data.columns import EMPTY, MOST_VALUES, NOT_LISTED, Columns, ListFile, columns_of, list_of
from sjft.data.state import listed, state_of
from sjft.errors import UserError
from sjft.settings.dataset import CsvList, ImageFolder

SETTINGS = CsvList(reader="csv", root=".", file="list.csv", split_column=None)
LIST = ListFile("list.csv", ",", "path", ["path", "class"])


def found(folder: Path, text: str, *paths: str, read: ListFile = LIST) -> Columns:
    (folder / "list.csv").write_text(text, encoding="utf-8")
    return columns_of(read, folder, paths)


def test_the_columns_are_those_that_the_pipeline_does_not_read() -> None:
    settings = SETTINGS.model_copy(update={"style_column": "look", "split_column": "split"})
    assert list_of(settings) == replace(LIST, read=["path", "class", "split", "look"])
    assert list_of(ImageFolder(reader="image_folder", root=".", splits={"train": "."})) is None


def test_a_column_that_groups_images_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    many = "".join(f"{n}.png,a,cam{n % 2},same,{n}\n" for n in range(MOST_VALUES + 1))
    got = found(tmp_path, "\ufeffpath,class,camera,lab,number\n" + many, "3.png", "0.png")
    assert got.values.to_dict(as_series=False) == {"camera": ["cam1", "cam0"]}
    assert got.left_out == {"lab": 1, "number": MOST_VALUES + 1}


def test_an_image_is_found_however_its_path_is_written(tmp_path: Path) -> None:
    text = "path,class,camera\n./a/B.png,x, one \na//c.png,x,two\nd.png,x,\nE.png,x,3\ne.PNG,x,4\n"
    got = found(tmp_path, text, "a/b.png", "a/c.png", "d.png", "new.png", "E.png", "e.png")
    assert got.values["camera"].to_list() == ["one", "two", EMPTY, NOT_LISTED, "3", NOT_LISTED]
    tabs = replace(LIST, delimiter="\t")
    got = found(tmp_path, "path\tclass\tcamera\na\tx\t1,5\nb\ty\t2\n", "a", read=tabs)
    assert got.values["camera"].to_list() == ["1,5"]


def test_a_list_is_read_as_the_listing_reads_it(tmp_path: Path) -> None:
    text = 'path,class,camera,note\r0.png,5" nail,x, a\r1.png,b,"y, z"\r2.png,b,x,b\r'
    got = found(tmp_path, text, "0.png", "1.png", "2.png")
    assert got.values.to_dict(as_series=False) == {
        "camera": ["x", "y, z", "x"],
        "note": ["a", EMPTY, "b"],
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, r"list\.csv: there is no such file"),
        ("file,class\na,x\n", r"list\.csv: there is no column `path`; the columns are file, class"),
        ("", r"list\.csv: there is no column `path`; the columns are \(none\)"),
        ('path,class\na,"x\nb,y\n', r"list\.csv, row 2 or below: cannot be read as a table"),
    ],
)
def test_a_list_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "list.csv").write_text(text)
    with pytest.raises(UserError, match=said):
        columns_of(LIST, tmp_path, ["a"])


def test_another_value_of_such_a_column_is_no_reason_to_compute_anything_anew(
    tmp_path: Path,
) -> None:
    rows = [("a.png", "x", "old"), ("b.png", "y", "old"), ("c.png", "x", "new")]
    for path, *_ in rows:
        random_image(1, (8, 8)).save(tmp_path / path)
    states = []
    for camera in ("old", "newest"):
        table = pl.DataFrame(rows, schema=["path", "class", "camera"], orient="row")
        table = table.with_columns(pl.col("camera").replace("old", camera))
        table.write_csv(tmp_path / "list.csv")
        states.append(state_of(listed(SETTINGS, tmp_path), 1))
    assert states[0] == states[1]
