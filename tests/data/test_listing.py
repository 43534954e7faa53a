"""images.csv: stable labels and shards, names that survive, and lists that cannot be used."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_files import save_images

from sjft.data import listing
from sjft.data.disk import FileFacts
from sjft.data.listing import ListedOnce, list_images
from sjft.data.omissions import Omissions
from sjft.data.readers import ListedImage
from sjft.data.table import IMAGES_SCHEMA, class_names, read_images, write_images
from sjft.errors import UserError
from sjft.settings.dataset import CsvList, ImageFolder

AWKWARD = ["a b.png", "q\"uote's.png", "c,o;m\tma.png", "Grün-Ω-猫.png", "#1.png", " lead.png"]


def settings(shards: int = 1, **splits: str) -> ImageFolder:
    return ImageFolder.model_validate(
        {
            "reader": "image_folder",
            "root": "x",
            "splits": splits or {"train": "."},
            "shards": shards,
        }
    )


def made_up_facts(_root: Path, paths: list[str]) -> FileFacts:
    numbers = np.arange(len(paths))
    return FileFacts(1000 + numbers, 10**18 + numbers)


@pytest.fixture
def listed_as(monkeypatch: pytest.MonkeyPatch):
    """A function that lists images as if a reader had found them."""

    def list_them(images: Sequence[ListedImage], shards: int = 1) -> pl.DataFrame:
        monkeypatch.setitem(listing.READERS, "image_folder", lambda *_: list(images))
        return list_images(settings(shards), Path("root"), made_up_facts)

    return list_them


def images(number: int, start: int = 0) -> list[ListedImage]:
    return [
        ListedImage(f"{'cat' if i % 2 else 'dog'}/{i}.png", "cat" if i % 2 else "dog", "train")
        for i in range(start, start + number)
    ]


def test_rows_are_sorted_by_split_and_path_and_labels_by_class_name(tmp_path: Path) -> None:
    save_images(tmp_path, ["fit/dog/1.png", "fit/cat/2.png", "fit/cat/1.png", "check/dog/1.png"])
    table = list_images(settings(train="fit", test="check"), tmp_path)
    assert table.schema == pl.Schema(IMAGES_SCHEMA)
    assert table.drop("bytes", "modified", "digest").rows() == [
        (0, "fit/cat/1.png", 0, "cat", "train", "", 0),
        (1, "fit/cat/2.png", 0, "cat", "train", "", 0),
        (2, "fit/dog/1.png", 1, "dog", "train", "", 0),
        (3, "check/dog/1.png", 1, "dog", "test", "", 0),
    ]
    states = [(tmp_path / path).stat() for path in table["path"]]
    assert table["bytes"].to_list() == [state.st_size for state in states]
    assert table["modified"].to_list() == [state.st_mtime_ns for state in states]
    assert class_names(table) == ["cat", "dog"]


def test_awkward_names_survive_the_round_trip(tmp_path: Path) -> None:
    classes = ["né, 'x'", '"quoted"']
    save_images(tmp_path / "data", [f"{c}/{name}" for c in classes for name in AWKWARD])
    table = list_images(settings(), tmp_path / "data")
    write_images(tmp_path / "images.csv", table)
    again = read_images(tmp_path / "images.csv")
    assert again.equals(table)
    assert all((tmp_path / "data" / path).is_file() for path in again["path"])
    assert set(again["class_name"]) == set(classes)


NAMES = st.text(
    st.characters(exclude_characters="\0\n\r", exclude_categories=["Cs"]), min_size=1, max_size=12
)


@given(names=st.lists(NAMES, min_size=2, max_size=6, unique=True), styles=st.data())
def test_any_name_survives_the_round_trip(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], styles: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("round") / "images.csv"
    table = pl.DataFrame(
        {
            "image": range(len(names)),
            "path": names,
            "label": range(len(names)),
            "class_name": names[::-1],
            "split": "train",
            "style": [styles.draw(st.just("") | NAMES) for _ in names],
            "shard": 0,
            "bytes": 1,
            "modified": 2**62,
            "digest": "",
        },
        schema=IMAGES_SCHEMA,
    )
    write_images(path, table)
    assert read_images(path).equals(table)


def test_added_images_move_no_others_to_another_shard(listed_as) -> None:
    before = listed_as(images(200), shards=7)
    after = listed_as(images(500), shards=7)
    shard_after = dict(after.select("path", "shard").iter_rows())
    assert all(shard_after[path] == shard for path, shard in before["path", "shard"].iter_rows())


def test_shards_are_all_used_and_about_equally_large(listed_as) -> None:
    sizes = listed_as(images(5000), shards=10)["shard"].value_counts()
    assert sorted(sizes["shard"]) == list(range(10))
    # Five standard deviations of a binomial draw.
    assert sizes["count"].min() > 500 - 5 * 21.2
    assert sizes["count"].max() < 500 + 5 * 21.2


def test_shards_do_not_follow_the_classes(listed_as) -> None:
    table = listed_as(images(2000), shards=4)
    counts = table.group_by("shard", "label").len()["len"]
    assert len(counts) == 8
    assert counts.min() > 250 - 5 * 14.8


def test_a_class_with_one_image_is_accepted_and_mentioned(
    listed_as,
    caplog: pytest.LogCaptureFixture,
) -> None:
    table = listed_as([*images(20), ListedImage("eel/1.png", "eel", "train")])
    assert class_names(table) == ["cat", "dog", "eel"]
    assert "1 class has a single training image: 'eel'" in caplog.text


def refuse(listed_as, found: list[ListedImage], message: str, shards: int = 1) -> None:
    with pytest.raises(UserError, match=message):
        listed_as(found, shards)


def test_one_class_alone_is_refused(listed_as) -> None:
    found = [ListedImage(f"{i}.png", "cat", "train") for i in range(9)]
    refuse(listed_as, found, r"one class only \('cat'\)")


def test_a_class_without_training_images_is_refused(listed_as) -> None:
    found = [*images(10), ListedImage("eel/1.png", "eel", "test")]
    refuse(listed_as, found, "class 'eel' has no training image")


def test_more_shards_than_images_are_refused(listed_as) -> None:
    refuse(listed_as, images(10), "200 shards are too many for 10 training images", shards=200)


def test_shards_without_training_images_are_refused(listed_as) -> None:
    tests = [ListedImage(f"test/{i}.png", "cat", "test") for i in range(3000)]
    refuse(listed_as, images(4) + tests, "8 shards are too many for 4 training", shards=8)


def test_an_image_in_two_splits_is_refused(listed_as) -> None:
    found = [*images(10), ListedImage("cat/1.png", "cat", "test")]
    refuse(listed_as, found, "'cat/1.png' is listed as train and as test")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (ListedImage("cat/9.png", "cat", "dev"), r"'dev'\. Allowed are train, val, test"),
        (ListedImage("cat/9.png", 3, "train"), "'cat/9.png' is listed in the class 3"),  # type: ignore[arg-type]
        (ListedImage("cat/9.png", "", "train"), "'cat/9.png' is listed in the class ''"),
        (ListedImage("../9.png", "cat", "train"), "'../9.png' does not lie below root"),
        (ListedImage("./cat/1.png", "cat", "train"), "'cat/1.png' is listed twice"),
        (ListedImage("cat/1.png", "dog", "train"), "in the classes 'cat' and 'dog'"),
    ],
)
def test_what_no_reader_may_list_is_refused_whichever_lists_it(
    listed_as, wrong: ListedImage, message: str
) -> None:
    with pytest.raises(UserError, match=f"^root: .*{message}"):
        listed_as([*images(4), wrong])


def test_a_reader_that_finds_nothing_is_refused(listed_as) -> None:
    with pytest.raises(UserError, match=r"^root: no image is listed"):
        listed_as([])


def test_a_reader_that_goes_on_listing_a_file_too_large_is_refused(listed_as, monkeypatch) -> None:
    monkeypatch.setattr(listing, "MB", 1)  # the files have a thousand bytes and more
    with pytest.raises(UserError, match=r"^root: 'cat/\d.png' is larger than 500 MB"):
        listed_as(images(60))


def test_two_splits_cannot_share_a_folder(tmp_path: Path) -> None:
    save_images(tmp_path, ["cat/1.png", "dog/1.png"])
    with pytest.raises(UserError, match=r"cat/1\.png' is listed as"):
        list_images(settings(train=".", test="."), tmp_path)


@pytest.mark.parametrize("name", ["a\nb.png", "a\rb.png"])
def test_line_breaks_in_names_are_refused(listed_as, name: str) -> None:
    refuse(listed_as, [*images(4), ListedImage(name, "cat", "train")], "holds a line break")


def test_names_that_are_not_utf8_are_refused(listed_as) -> None:
    broken = b"\xff.png".decode("utf-8", "surrogateescape")
    refuse(listed_as, [*images(4), ListedImage(broken, "cat", "train")], "is not valid UTF-8")


def test_so_many_training_images_of_each_class_are_drawn_and_others_stay(tmp_path: Path) -> None:
    many = [f"fit/dog/{i}.png" for i in range(9)] + ["fit/cat/0.png"]
    save_images(tmp_path, [*many, *(f"check/dog/{i}.png" for i in range(4)), "check/cat/0.png"])

    def drawn(number: int | None, seed: int = 0) -> set[str]:
        wanted = {"train_per_class": number, "train_seed": seed}
        of = settings(train="fit", test="check").model_copy(update=wanted)
        return set(list_images(of, tmp_path)["path"])

    held_out = {f"check/dog/{i}.png" for i in range(4)} | {"check/cat/0.png", "fit/cat/0.png"}
    assert [len(drawn(number) - held_out) for number in (1, 4, 8, 9, None)] == [1, 4, 8, 9, 9]
    assert all(held_out <= drawn(number) for number in (1, 4, None))
    assert drawn(1) < drawn(4) < drawn(8)
    assert len({frozenset(drawn(4, seed)) for seed in range(20)}) > 10
    assert drawn(4) == drawn(4)


def write_sparse(path: Path, size: int) -> None:
    """A file that claims so many bytes and takes none."""
    with path.open("wb") as file:
        file.truncate(size)


def test_a_file_too_large_for_a_image_is_left_out_and_counts_in_no_draw(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_images(tmp_path, [f"{c}/{i}.png" for c in ("cat", "dog") for i in range(6)])

    def drawn(**changes: object) -> pl.DataFrame:
        entry = {"reader": "image_folder", "root": "x", "random_split": {"train": 4}, **changes}
        return list_images(ImageFolder.model_validate(entry), tmp_path)

    before = drawn()
    for i in range(5):
        write_sparse(tmp_path / f"cat/huge {i}.png", 3 * 10**9)
        # A link to a large file is one; one that is just as large as allowed is not.
        (tmp_path / f"dog/huge {i}.png").symlink_to(f"../cat/huge {i}.png")
    write_sparse(tmp_path / "dog/largest.png", 500 * 10**6)
    caplog.clear()
    after = drawn()
    assert after.filter(pl.col("class_name") == "cat").equals(
        before.filter(pl.col("class_name") == "cat")
    )
    assert len(after) == len(before) + 1
    assert "left out: 10 images larger than 500 MB (`largest_file`): cat/huge 0.png," in caplog.text
    assert len(drawn(largest_file=3000, train_per_class=1)) > 2


def test_a_listed_file_too_large_for_a_image_is_named_with_its_row(tmp_path: Path) -> None:
    save_images(tmp_path, ["1.png", "2.png"])
    write_sparse(tmp_path / "2.png", 2 * 10**6)
    (tmp_path / "list.csv").write_text("path,class,split\n1.png,cat,train\n2.png,dog,train\n")
    entry = {"reader": "csv", "root": "x", "file": "list.csv", "largest_file": 1.5}
    with pytest.raises(UserError, match=r"row 3: '2\.png' is larger than 1\.5 MB \(`largest_file`"):
        list_images(CsvList.model_validate(entry), tmp_path)


def test_empty_files_and_links_to_one_file_stay_in_the_list_and_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_images(tmp_path, [f"{c}/{i}.png" for c in ("cat", "dog") for i in range(3)])
    list_images(settings(), tmp_path)
    assert "empty" not in caplog.text
    assert "several names" not in caplog.text
    (tmp_path / "cat/0.png").write_bytes(b"")
    (tmp_path / "dog/hard.png").hardlink_to(tmp_path / "dog/1.png")
    (tmp_path / "dog/soft.png").symlink_to("1.png")
    assert len(list_images(settings(), tmp_path)) == 8
    assert "1 file is empty: cat/0.png; `on_bad_image` says" in caplog.text
    assert (
        "1 file stands in the list under several names, by links: "
        "dog/1.png = dog/hard.png = dog/soft.png"
    ) in caplog.text
    (tmp_path / "cat/1.png").write_bytes(b"")
    list_images(settings(), tmp_path)
    assert "2 files are empty, among them cat/0.png; `on_bad_image` says" in caplog.text


def test_what_is_left_out_is_in_the_log_or_handed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_images(tmp_path, ["cat/1.png", "dog/1.png"])
    (tmp_path / "cat/phone.heic").touch()
    (tmp_path / "cat/loop").symlink_to("..")
    list_images(settings(), tmp_path)
    assert "left out: 1 image ending in .heic" in caplog.text
    assert "left out: 1 link that leads back to a folder it lies in: cat/loop" in caplog.text
    caplog.clear()
    omissions = Omissions()
    assert len(list_images(settings(), tmp_path, omissions=omissions)) == 2
    assert "left out" not in caplog.text
    assert omissions.count() == len(omissions.lines()) == 2


def test_both_unicode_forms_of_a_class_are_one_class(tmp_path: Path) -> None:
    save_images(tmp_path, ["fit/B\u00e4r/1.png", "fit/cat/1.png", "check/Ba\u0308r/2.png"])
    table = list_images(settings(train="fit", test="check"), tmp_path)
    assert class_names(table) == ["B\u00e4r", "cat"]
    assert table["path"].to_list()[2] == "check/Ba\u0308r/2.png"


def test_a_list_is_made_once_for_the_same_settings_and_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    save_images(tmp_path, ["a/1.png", "a/2.png", "b/1.png"])
    (tmp_path / "a/1.png").write_bytes(b"")
    lists = ListedOnce()
    first, omissions = lists.of(settings(), tmp_path)
    assert first.equals(list_images(settings(), tmp_path))
    caplog.clear()
    again, same = lists.of(settings(), tmp_path)
    assert again is first and same is omissions and not caplog.text
    assert lists.of(settings(shards=2), tmp_path)[0] is not first
    assert "1 file is empty" in caplog.text
