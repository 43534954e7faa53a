"""Readers: folders and tables become lists of images, or messages that name file and row."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import save_pictures

from sjft.errors import UserError
from sjft.readers import ListedImage, read_csv, read_generated, read_image_folder
from sjft.settings.dataset import CsvList, ImageFolder, Synthetic

NAMES = ["cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png"]


def folder(**settings: Any) -> ImageFolder:
    return ImageFolder.model_validate({"reader": "image_folder", "root": "x", **settings})


def table(**settings: Any) -> CsvList:
    return CsvList.model_validate({"reader": "csv", "root": "x", "file": "list.csv", **settings})


def touch(root: Path, names: list[str]) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


ALL_TRAIN = folder(splits={"train": "."})


def test_each_split_has_its_folder_of_class_folders(tmp_path: Path) -> None:
    save_pictures(tmp_path, ["fit/cat/1.png", "fit/dog/1.png", "check/cat/2.png"])
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


def test_a_stray_picture_is_named(tmp_path: Path) -> None:
    touch(tmp_path, [*NAMES, "lost.JPG"])
    with pytest.raises(UserError, match=r"the picture 'lost.JPG' lies in no class folder"):
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
    ],
)
def test_a_table_with_a_mistake_is_refused_with_its_row(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    touch(tmp_path, ["1.png", "2.png"])
    with pytest.raises(UserError, match=message) as error:
        read_text(tmp_path, text)
    assert str(tmp_path / "list.csv") in str(error.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"list\.csv: there is no such file"):
        read_csv(table(), tmp_path)


def test_generated_pictures_are_listed_with_their_style(tmp_path: Path) -> None:
    touch(tmp_path, ["1.png"])
    (tmp_path / "images.csv").write_text("path,class,split,style\n1.png,disc,train,hatching\n")
    settings = Synthetic(
        reader="synthetic", contents=("disc", "ring"), styles=("hatching",), per_class={"train": 1}
    )
    assert read_generated(settings, tmp_path) == [ListedImage("1.png", "disc", "train", "hatching")]
