"""Readers of tables: rows become lists of images, or messages that name file and row."""

import errno
import os
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from image_files import touch

from sjft.data.folders import Walk
from sjft.data.readers import ListedImage, read_csv, read_generated
from sjft.data.readers.lists import numbered_lines
from sjft.errors import UserError
from sjft.settings.dataset import CsvList, Synthetic
from sjft.storage.files import write_with_digest


def table(**settings: Any) -> CsvList:
    return CsvList.model_validate({"reader": "csv", "root": "x", "file": "list.csv", **settings})


def read_text(root: Path, text: str | bytes, settings: CsvList | None = None) -> list[ListedImage]:
    settings = settings or table()
    content = text if isinstance(text, bytes) else text.encode()
    (root / settings.file).write_bytes(content)
    return read_csv(settings, root)


def test_a_table_lists_an_image_a_row(tmp_path: Path) -> None:
    touch(tmp_path, ["a/1.png", "2.png"])
    listed = read_text(tmp_path, "class,split,path\ncat,train,a/1.png\ndog,val,2.png\n")
    assert listed == [ListedImage("a/1.png", "cat", "train"), ListedImage("2.png", "dog", "val")]


def test_columns_have_the_names_that_the_settings_give(tmp_path: Path) -> None:
    touch(tmp_path, ["1.png"])
    settings = table(
        path_column="file", class_column="kind", split_column=None, style_column="look"
    )
    listed = read_text(tmp_path, "kind,look,file,split\ncat,blurred,1.png,unused\n", settings)
    assert listed == [ListedImage("1.png", "cat", "train", "blurred")]


def test_tabs_separate_the_columns_of_a_tsv(tmp_path: Path) -> None:
    touch(tmp_path, ["a, b.png"])
    listed = read_text(tmp_path, "path\tclass\tsplit\na, b.png\tcat\ttest\n", table(delimiter="\t"))
    assert listed == [ListedImage("a, b.png", "cat", "test")]


def test_a_byte_order_mark_and_windows_line_ends_are_taken(tmp_path: Path) -> None:
    touch(tmp_path, ["ä.png"])
    listed = read_text(tmp_path, "\ufeffpath,class,split\r\nä.png, cat ,train \r\n")
    assert listed == [ListedImage("ä.png", "cat", "train")]


def test_quoted_cells_hold_commas_and_quotes(tmp_path: Path) -> None:
    touch(tmp_path, ['a "b", c.png'])
    listed = read_text(tmp_path, 'path,class,split\n"a ""b"", c.png","x, y",train\n')
    assert listed == [ListedImage('a "b", c.png', "x, y", "train")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,class,split\n1.png,cat,train\n", "no column `path`; the columns are file, class"),
        ("", r"no column `path`; the columns are \(none\)"),
        ("path;class;split\n1.png;cat;train\n", "Are they parted by ';'. Set `delimiter` in the"),
        ("path\tclass\tsplit\n1.png\tcat\ttrain\n", r"parted by '\\t'. Set `delimiter`"),
        ("path,class,split\n", "the table has no rows"),
        ("path,class,split\n1.png,cat,train\n,cat,train\n", "row 3: path and class must not"),
        ("path,class,split\n1.png, ,train\n", "row 2: path and class must not be empty"),
        ("path,class,split\n1.png,cat\n", "row 2: split ''; allowed are train, val, test"),
        ("path,class,split\n1.png,cat,training\n", "row 2: split 'training'; allowed are train"),
        (
            "path,class,split\n1.png,cat,train\n2.png,cat,train\n1.png,dog,test\n",
            "row 4: '1.png' stands in row 2 already",
        ),
        (
            "path,class,split\n1.png,cat,train\n3.png,cat,train\n",
            "row 3: there is no image .*3.png",
        ),
        (b"path,class,split\n\xff.png,cat,train\n", "is not UTF-8"),
        ('path,class,split\n1.png,"cat,train\n' + "2.png,dog,train\n" * 10000, "quote that is not"),
        (
            'path,class,split\n1.png,"cat,train\n2.png,dog,train\n',
            "row 2 or below: .* quote that is",
        ),
        ('path,class,split\n1.png,"a" cat,train\n', "row 2 or below: cannot be read as a table"),
        ("path,class,split\n1.png,crane, bird,train\n", "row 2: has more cells than there are col"),
        ("path,class,split,class\n1.png,cat,train,x\n", "column 'class' stands twice"),
    ],
)
def test_a_table_with_a_mistake_is_refused_with_its_row(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    touch(tmp_path, ["1.png", "2.png"])
    with pytest.raises(UserError, match=message) as error:
        read_text(tmp_path, text)
    assert str(tmp_path / "list.csv") in str(error.value)


@pytest.mark.parametrize(
    "path",
    [
        *("./a/x.jpg", "a//x.jpg", "a/./x.jpg", "b/../a/x.jpg", "a\\x.jpg", ".\\a\\x.jpg"),
        *(" a/x.jpg ", "{root}/a/x.jpg", "{root}/./b/../a//x.jpg", "//{root}/a/x.jpg"),
        *("{link}/a/x.jpg", "a/X.JPG", "A/x.jpg", "{root}\\a\\x.jpg"),
        *("../set/a/x.jpg", "a/../../set/a/x.jpg", "../link/a/x.jpg"),
    ],
)
def test_one_image_is_one_however_its_path_is_written(tmp_path: Path, path: str) -> None:
    root = tmp_path / "set"
    touch(root, ["a/x.jpg", "b/y.jpg"])
    (tmp_path / "link").symlink_to("set")
    path = path.format(root=root, link=tmp_path / "link")
    rows = ["path,class,split", f"{path},cat,train", "b/y.jpg,dog,train"]
    listed = read_text(root, "\n".join(rows))
    assert [image.path for image in listed] == ["a/x.jpg", "b/y.jpg"]
    rows.append("a/x.jpg,cat,test")
    with pytest.raises(UserError, match=r"list\.csv, row 4: 'a/x\.jpg' stands in row 2 already"):
        read_text(root, "\n".join(rows))
    rows[-1] = "a/x.jpg,cat,train"
    with pytest.raises(UserError, match=r"list\.csv, row 4: 'a/x\.jpg' stands in row 2 already"):
        read_text(root, "\n".join(rows))


@pytest.mark.parametrize(("on_disk", "given"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_both_unicode_forms_of_a_name_are_one_image(
    tmp_path: Path, on_disk: Any, given: Any, caplog: pytest.LogCaptureFixture
) -> None:
    names = [unicodedata.normalize(on_disk, name) for name in ("Bär/Größe.jpg", "Bär/é.jpg")]
    touch(tmp_path, names)
    other = unicodedata.normalize(given, names[0])
    caplog.set_level("INFO")
    text = f"path,class,split\n{other},cat,train\n{names[1]},dog,train\n"
    assert [image.path for image in read_text(tmp_path, text)] == names
    assert "1 listed names differ from the disk in their Unicode form only" in caplog.text
    with pytest.raises(UserError, match=r"row 4: .* stands in row 2 already; it is both train and"):
        read_text(tmp_path, f"{text}{names[0]},cat,test\n")


def test_a_folder_that_is_listed_under_two_names_is_one(tmp_path: Path) -> None:
    touch(tmp_path, ["a/x.jpg", "a/y.jpg"])
    (tmp_path / "link").symlink_to("a")
    text = "path,class,split\nlink/x.jpg,cat,train\na/y.jpg,dog,train\n"
    assert [image.path for image in read_text(tmp_path, text)] == ["link/x.jpg", "a/y.jpg"]
    with pytest.raises(
        UserError, match=r"row 4: 'a/x\.jpg' stands in row 2 .*calls it 'link/x.jpg'"
    ):
        read_text(tmp_path, f"{text}a/x.jpg,cat,test\n")


def test_a_name_that_holds_a_backslash_stands_for_itself_where_it_is_there(tmp_path: Path) -> None:
    touch(tmp_path, ["a/x.jpg", "a\\x.jpg"])
    listed = read_text(
        tmp_path, "path,class\na\\x.jpg,cat\na/x.jpg,dog\n", table(split_column=None)
    )
    assert [image.path for image in listed] == ["a\\x.jpg", "a/x.jpg"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("../x.jpg", "'../x.jpg' does not lie below {root}. Put the image there, or set"),
        ("a/../../x.jpg", "does not lie below"),
        ("/elsewhere/x.jpg", "'/elsewhere/x.jpg' does not lie below"),
        ("{root}er/a/x.jpg", "does not lie below"),
        (".", "does not lie below"),
        ("{root}", "does not lie below"),
        ("link/../x.jpg", "in 'link/../x.jpg', `..` follows a link"),
        ("a", "'a' is a folder (1 of 1 listed images are no files, or too large). Put an im"),
        ("pipe.jpg", "'pipe.jpg' is a pipe, a socket or a device"),
        ("gone.jpg", "'gone.jpg' is a link that leads nowhere"),
        ("b/x.jpg", "there is no image {root}/b/x.jpg (1 of 1 listed images are missing). Put the"),
        (
            "C:\\a\\x.jpg",
            "Put the image there, or correct the row: paths are relative to {root}.",
        ),
        ("a/" + 300 * "x" + ".jpg", "listed images are missing"),
        (300 * "x" + "/x.jpg", "listed images are missing"),
        ("a/x.jpg/x.jpg", "listed images are missing"),
    ],
)
def test_a_path_that_names_no_image_below_the_root_is_refused_with_its_row(
    tmp_path: Path, path: str, words: str
) -> None:
    root = tmp_path / "set"
    touch(root, ["a/x.jpg", "x.jpg"])
    touch(tmp_path, ["deep/er/x.jpg", "x.jpg", "deep/x.jpg"])
    (root / "link").symlink_to("../deep/er")
    (root / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(root / "pipe.jpg")
    with pytest.raises(UserError) as error:
        read_text(root, f"path,class\n{path.format(root=root)},cat\n", table(split_column=None))
    assert str(error.value).startswith(f"{root}/list.csv, row 2: ")
    assert words.format(root=root) in str(error.value)
    assert "archive" not in str(error.value)


def test_a_lone_quote_and_empty_cells_at_the_end_are_no_mistake(tmp_path: Path) -> None:
    touch(tmp_path, ["1.png", "2.png"])
    listed = read_text(tmp_path, 'path,class,split\n1.png,5" nail,train\n2.png,b,train,, \n')
    assert [image.class_name for image in listed] == ['5" nail', "b"]


def test_of_class_folders_beside_each_other_none_is_lost_without_a_word(tmp_path: Path) -> None:
    names = [f"set/{folder}/{number}.png" for folder in "abc" for number in range(3)]
    touch(tmp_path, [*names, "set/c/notes.txt", "set/c/.hidden.png", "set/.d/1.png", "else/1.png"])
    touch(tmp_path, ["set/x.png", "set/__MACOSX/1.png"])
    (tmp_path / "list.csv").write_text(
        "path,class,split\n" + "".join(f"{n},{n[4]},train\n" for n in names if n[4] != "c")
    )
    walk = Walk(tmp_path)
    assert len(read_csv(table(), tmp_path, walk)) == 6
    # What else lies in a folder of which one folder alone is listed is none of this data set's.
    assert walk.omissions.lines() == [
        "3 images on disk that are in no list: set/c/0.png, set/c/1.png, set/c/2.png"
    ]


def test_a_table_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", closed)
    for read in (
        lambda: read_csv(table(), tmp_path),
        lambda: list(numbered_lines(tmp_path / "list.csv")),
    ):
        with pytest.raises(UserError, match=r"list\.csv: cannot be read \(Permission denied\)"):
            read()


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"list\.csv: there is no such file"):
        read_csv(table(), tmp_path)


def test_generated_images_are_listed_with_their_style(tmp_path: Path) -> None:
    touch(tmp_path, ["1.png"])
    table = b"path,class,split,style\n1.png,disc,train,hatching\n"
    write_with_digest(tmp_path / "images.csv", table)
    settings = Synthetic(
        reader="synthetic", contents=("disc", "ring"), styles=("hatching",), per_class={"train": 1}
    )
    assert read_generated(settings, tmp_path) == [ListedImage("1.png", "disc", "train", "hatching")]
