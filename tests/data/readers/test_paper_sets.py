"""Readers of published archives: small trees in the publishers' layouts, and their mistakes."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy.io import savemat

from sjft.data.folders import Walk
from sjft.data.listing import list_images
from sjft.data.readers import READERS, ListedImage
from sjft.data.state import snapshot
from sjft.errors import UserError
from sjft.fetch.missing import missing_data
from sjft.settings.config import read_configuration
from sjft.settings.dataset import DatasetSettings

Build = Callable[[Path], None]


def settings(reader: str, **keys: Any) -> Any:
    entry = {"reader": reader, "root": "set", **keys}
    return TypeAdapter(DatasetSettings).validate_python(entry)


def read(root: Path, reader: str, **keys: Any) -> list[ListedImage]:
    return READERS[reader](settings(reader, **keys), root)


def refused(root: Path, reader: str, *words: str, **keys: Any) -> None:
    with pytest.raises(UserError) as error:
        read(root, reader, **keys)
    for word in words:
        assert word in str(error.value)


def sizes(listed: list[ListedImage]) -> dict[str, int]:
    return dict(Counter(image.split for image in listed))


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def cells(texts: list[str]) -> np.ndarray:
    """A MATLAB cell array of texts, one column."""
    array = np.empty((len(texts), 1), dtype=object)
    array[:, 0] = texts
    return array


# One small tree for each reader.

INDOOR_TRAIN = ["bar/A_1.jpg", "bar/two words.jpg", "attic/x.jpg"]


def build_indoor67(root: Path) -> None:
    touch(root, *(f"Images/{name}" for name in [*INDOOR_TRAIN, "attic/Y.jpg", "bar/spare.jpg"]))
    # As published: the last line has no end.
    (root / "TrainImages.txt").write_text("\n".join(INDOOR_TRAIN))
    (root / "TestImages.txt").write_text("attic/Y.jpg")


def write_flowers(
    root: Path, labels: list[int], trn: list[int], val: list[int], tst: list[int]
) -> None:
    savemat(root / "imagelabels.mat", {"labels": np.array([labels], dtype=np.uint8)})
    sets = {"trnid": trn, "valid": val, "tstid": tst}
    savemat(root / "setid.mat", {k: np.array([v], dtype=np.uint16) for k, v in sets.items()})


def build_flowers102(root: Path) -> None:
    touch(root, *(f"jpg/image_{number:05d}.jpg" for number in range(1, 7)))
    write_flowers(root, [77, 3, 77, 3, 77, 3], [6, 1], [2, 3], [4, 5])


DOGS = {"train": ["n01-pug/1.jpg", "n02-Saint_Bernard/1.jpg"], "test": ["n01-pug/2.jpg"]}


def write_dogs(root: Path, part: str, paths: list[str], labels: list[int]) -> None:
    content = {"file_list": cells(paths), "labels": np.array(labels, dtype=np.float64)[:, None]}
    savemat(root / f"{part}_list.mat", content)


def build_dogs120(root: Path) -> None:
    touch(root, *(f"Images/{path}" for paths in DOGS.values() for path in paths))
    write_dogs(root, "train", DOGS["train"], [1, 2])
    write_dogs(root, "test", DOGS["test"], [1])


def build_caltech256(root: Path) -> None:
    for name in ("001.ak47", "198.spider", "257.clutter"):
        names = [f"{name[:3]}_{i:04d}.jpg" for i in range(1, 8)]
        touch(root, *(f"256_ObjectCategories/{name}/{image}" for image in names))
    touch(root, "256_ObjectCategories/198.spider/RENAME2")
    (root / "256_ObjectCategories/001.ak47/greg/vision309").mkdir(parents=True)


WORDS = {"n01440764": "tench, Tinca tinca", "n02012849": "crane", "n03126707": "crane"}


def build_imagenet(root: Path) -> None:
    touch(root, *(f"train/{wnid}/{wnid}_{i}.JPEG" for wnid in WORDS for i in (1, 10)))
    touch(root, "train/n01440764.tar")
    (root / "synsets.txt").write_text("".join(f"{w} {names}\n" for w, names in WORDS.items()))
    kind = [(name, object) for name in ("ILSVRC2012_ID", "WNID", "words", "num_children")]
    rows = [(i + 1, wnid, names, 0) for i, (wnid, names) in enumerate(WORDS.items())]
    savemat(root / "meta.mat", {"synsets": np.array([[row] for row in rows], dtype=kind)})


PLACES = {"a/abbey": 0, "a/arena/hockey": 1, "b/bar": 2}


def build_places(root: Path, images: str, file: str, slash: str) -> None:
    rows = [(f"{place}/{i:08d}.jpg", k) for place, k in PLACES.items() for i in (1, 2)]
    touch(root, file, *(f"{images}/{path}" for path, _ in rows))
    (root / file).write_text("\n".join(f"{slash}{path} {k}" for path, k in rows))
    (root / "categories.txt").write_text("".join(f"/{p} {k}\n" for p, k in PLACES.items()))


def build_places205(root: Path) -> None:
    images = "data/vision/torralba/deeplearning/images256"
    build_places(root, images, "trainvalsplit_places205/train_places205.csv", "")


def build_places365(root: Path) -> None:
    list_file = "filelist_places365-standard/places365_train_standard.txt"
    build_places(root, "data_256", list_file, "/")


BUILDERS: dict[str, Build] = {
    "indoor67": build_indoor67,
    "flowers102": build_flowers102,
    "dogs120": build_dogs120,
    "caltech256": build_caltech256,
    "imagenet": build_imagenet,
    "places205": build_places205,
    "places365": build_places365,
}


@pytest.fixture
def built(tmp_path: Path) -> Callable[[str], Path]:
    """A function that builds the tree of a reader and returns its root."""

    def build(reader: str) -> Path:
        root = tmp_path / "set"
        root.mkdir()
        BUILDERS[reader](root)
        return root

    return build


# What all have in common.

PER_CLASS = {"caltech256": {"per_class": 3}}


@pytest.mark.parametrize("reader", BUILDERS)
def test_every_tree_becomes_a_table_of_files_that_are_there(built, reader: str) -> None:
    root = built(reader)
    table = list_images(settings(reader, **PER_CLASS.get(reader, {})), root)
    three = reader in {"imagenet", "places205", "places365"}
    assert table["class_name"].n_unique() == (3 if three else 2)
    assert all((root / path).is_file() for path in table["path"])


@pytest.mark.parametrize("reader", BUILDERS)
def test_what_the_archive_lacks_is_said_before_anything_runs(built, reader: str) -> None:
    root = built(reader)
    configuration = read_configuration(
        {
            "data_root": str(root.parent),
            "datasets": {
                "set": settings(reader).model_dump(),
                "other": {"reader": "image_folder", "root": "set", "splits": {"train": "."}},
            },
            "banks": {"gabor": {"type": "gabor"}},
            "retrievals": {"one": {"bank": "gabor"}},
            "experiments": {"main": {"target": "set", "source": "other", "retrieval": "one"}},
        }
    )
    assert missing_data(configuration, ["main"]) is None
    entry: Any = configuration.datasets["set"]
    for name in (*entry.image_folders, *entry.listing_files):
        hidden = (root / name).rename(root.parent / "hidden")
        found = missing_data(configuration, ["main"])
        assert found is not None
        assert f"{'folder' if hidden.is_dir() else 'file'} {root / name}" in found
        refused(root, reader, str(root / name), "there is no such")
        hidden.rename(root / name)


@pytest.mark.parametrize("reader", BUILDERS)
def test_the_state_follows_list_files_and_class_folders(built, reader: str) -> None:
    root = built(reader)
    entry = settings(reader, **({"names": "synsets.txt"} if reader == "imagenet" else {}))
    states = {snapshot(entry, root.parent)}
    for name in entry.listing_files:
        os.utime(root / name, (1, 1))
        states.add(snapshot(entry, root.parent))
    path = root / READERS[reader](settings(reader, **PER_CLASS.get(reader, {})), root)[0].path
    path.with_name("added.jpg").touch()
    states.add(snapshot(entry, root.parent))
    assert len(states) == len(entry.listing_files) + 2


@pytest.mark.parametrize("reader", ["indoor67", "flowers102", "dogs120", "places205", "places365"])
def test_a_listed_image_that_is_not_there_is_named_with_its_row(built, reader: str) -> None:
    root = built(reader)
    second = read(root, reader)[1].path
    (root / second).unlink()
    refused(root, reader, "row 2: there is no image", second, "(1 of ", "Extract the archive")


def test_torch_and_scipy_are_loaded_by_the_readers_that_need_them_alone() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    code = "import sys, sjft.data.listing; print({'torch', 'scipy'} & {*sys.modules})"
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert printed.strip() == "set()"


def rewrite_list(root: Path, reader: str, change: Callable[[str], str]) -> None:
    """Write the first path of a reader's list of training images in another way."""
    if reader == "dogs120":
        write_dogs(root, "train", [change(DOGS["train"][0]), DOGS["train"][1]], [1, 2])
        return
    entry = settings(reader)
    file = root / ("TrainImages.txt" if reader == "indoor67" else entry.list_file)
    first, *others = file.read_text(encoding="utf-8").splitlines()
    path, space, label = first.rpartition(" ") if reader.startswith("places") else (first, "", "")
    lines = [f"{change(path)}{space}{label}", *others]
    file.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")


@pytest.mark.parametrize("reader", ["indoor67", "dogs120", "places205", "places365"])
@pytest.mark.parametrize(
    "form", ["./{}", "{above}/./{}", "{above}//../{above}/{}", "{images}/{}", "{windows}", " {} "]
)
def test_a_listed_path_may_be_written_in_several_ways(built, reader: str, form: str) -> None:
    root = built(reader)
    before = read(root, reader)
    images = root / settings(reader).image_folders[0]

    def change(path: str) -> str:
        path = path.lstrip("/")
        above, _, below = path.partition("/")
        if form == "{above}/./{}":
            return f"{above}/.//{below}"
        if "../" in form:
            return f"{above}/../{path}"
        windows = path.replace("/", "\\")
        return form.format(path, images=images, above=above, windows=windows)

    rewrite_list(root, reader, change)
    assert read(root, reader) == before


@pytest.mark.parametrize("reader", ["indoor67", "dogs120", "places205", "places365"])
def test_a_listed_path_that_leads_out_is_refused_with_its_row(built, reader: str) -> None:
    root = built(reader)
    rewrite_list(root, reader, lambda path: f"../../{path}")
    refused(root, reader, "row 1: '../../", f"does not lie below {root}/")


@pytest.mark.parametrize("reader", [name for name in BUILDERS if name not in ("caltech256",)])
def test_a_listed_picture_that_is_a_pipe_is_named_or_left_out(built, reader: str) -> None:
    root = built(reader)
    before = read(root, reader)
    gone = root / before[0].path
    gone.unlink()
    os.mkfifo(gone)
    if reader == "imagenet":
        assert read(root, reader) == before[1:]
    else:
        refused(root, reader, "is a pipe, a socket or a device")


# MIT Indoor 67.


def test_indoor67_goes_by_its_lists_and_counts_what_they_leave_out(built) -> None:
    root = built("indoor67")
    touch(root, "Images/bar/raw.heic", "Images/bar/._spare.jpg", "Images/bar/notes.txt")
    walk = Walk(root)
    assert READERS["indoor67"](settings("indoor67"), root, walk) == [
        ListedImage("Images/bar/A_1.jpg", "bar", "train"),
        ListedImage("Images/bar/two words.jpg", "bar", "train"),
        ListedImage("Images/attic/x.jpg", "attic", "train"),
        ListedImage("Images/attic/Y.jpg", "attic", "test"),
    ]
    assert walk.omissions.lines() == [
        "2 pictures on disk that are in no list: Images/bar/raw.heic, Images/bar/spare.jpg",
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
    touch(root, "Images/bar/a_1.jpg")
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


# Oxford Flowers 102.


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


# Stanford Dogs 120.


def test_dogs120_goes_by_its_lists(built) -> None:
    assert read(built("dogs120"), "dogs120") == [
        ListedImage("Images/n01-pug/1.jpg", "n01-pug", "train"),
        ListedImage("Images/n02-Saint_Bernard/1.jpg", "n02-Saint_Bernard", "train"),
        ListedImage("Images/n01-pug/2.jpg", "n01-pug", "test"),
    ]


@pytest.mark.parametrize(
    ("paths", "labels", "words"),
    [
        (["n01-pug/2.jpg"], [121], "row 1: the label 121 is out of range; allowed are 1 to 120"),
        (["n01-pug/2.jpg"], [2], "the label 2 of 'n01-pug' is that of 'n02-Saint_Bernard' already"),
        (["n01-pug/2.jpg"], [1, 1], "`file_list` has 1 rows and `labels` 2"),
        (["2.jpg"], [1], "row 1: '2.jpg' is in no class"),
        (["n01-pug/1.jpg"], [1], "it is both train and test"),
    ],
)
def test_a_wrong_list_of_dogs_is_refused(
    built, paths: list[str], labels: list[int], words: str
) -> None:
    root = built("dogs120")
    write_dogs(root, "test", paths, labels)
    refused(root, "dogs120", "test_list.mat", words)


# Caltech 256.


def test_caltech256_draws_so_many_of_each_class_with_a_seed(built) -> None:
    root = built("caltech256")
    draws = set()
    for seed in range(6):
        listed = read(root, "caltech256", per_class=4, val_per_class=1, seed=seed)
        assert Counter((i.class_name, i.split) for i in listed) == {
            (name, split): number
            for name in ("001.ak47", "198.spider")
            for split, number in {"train": 4, "val": 1, "test": 2}.items()
        }
        assert read(root, "caltech256", per_class=4, val_per_class=1, seed=seed) == listed
        draws.add(tuple(image.split for image in listed))
    assert len(draws) > 3


def test_caltech256_keeps_the_clutter_where_it_is_wanted(built) -> None:
    listed = read(built("caltech256"), "caltech256", per_class=3, clutter=True)
    assert {i.class_name for i in listed} == {"001.ak47", "198.spider", "257.clutter"}


def test_a_class_of_caltech256_that_is_too_small_is_named(built) -> None:
    refused(
        built("caltech256"),
        "caltech256",
        *("256_ObjectCategories/001.ak47: this class has 7 images", "Lower `per_class`"),
        per_class=7,
    )


# ImageNet.


def test_imagenet_classes_are_wnids_or_have_their_first_name_too(built) -> None:
    root = built("imagenet")
    assert {i.class_name for i in read(root, "imagenet")} == set(WORDS)
    for names in ("synsets.txt", "meta.mat", str(root / "meta.mat")):
        listed = read(root, "imagenet", names=names)
        assert sizes(listed) == {"train": 6}
        assert {i.class_name for i in listed} == {
            *("n01440764 tench", "n02012849 crane", "n03126707 crane")
        }


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


def test_a_picture_beside_the_wnids_is_named(built) -> None:
    root = built("imagenet")
    touch(root, "train/lost.JPEG")
    refused(root, "imagenet", "'lost.JPEG' lies in no class folder")


# Places.


@pytest.mark.parametrize("reader", ["places205", "places365"])
@pytest.mark.parametrize("categories", [None, "categories.txt"])
def test_places_classes_have_their_folders_names(built, reader: str, categories: Any) -> None:
    listed = read(built(reader), reader, categories=categories)
    assert sizes(listed) == {"train": 6}
    assert listed[2].path.endswith("/a/arena/hockey/00000001.jpg")
    assert [i.class_name for i in listed[::2]] == ["abbey", "arena/hockey", "bar"]


def test_a_list_without_folders_needs_the_categories(built) -> None:
    root = built("places365")
    touch(root, *(f"val_256/{k}.jpg" for k in range(3)))
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


# torchvision's own.


def build_pets(root: Path) -> None:
    folder = root / "oxford-iiit-pet"
    names = ["Abyssinian_1", "Abyssinian_2", "pug_1", "pug_2"]
    touch(folder, *(f"images/{name}.jpg" for name in names), "annotations/x")
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
    touch(tmp_path, *(f"eurosat/2750/{c}/{i}.jpg" for c in ("Forest", "River") for i in range(5)))
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


def test_a_torchvision_set_is_the_same_through_a_link_and_counts_each_picture_once(
    tmp_path: Path,
) -> None:
    build_pets(tmp_path / "pets")
    before = read(tmp_path / "pets", "torchvision", **PETS)
    (tmp_path / "link").symlink_to("pets")
    assert read(tmp_path / "link", "torchvision", **PETS) == before
    keys = {"dataset": "EuroSAT", "random_split": {"train": 3}}
    touch(tmp_path, *(f"eurosat/2750/{c}/{i}.jpg" for c in ("Forest", "River") for i in range(5)))
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
