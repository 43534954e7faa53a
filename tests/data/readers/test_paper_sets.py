"""What the readers of the published archives have in common."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from published_trees import BUILDERS, DOGS, write_dogs
from reading import read, refused, settings

from sjft.data.listing import list_images
from sjft.data.readers import READERS
from sjft.data.state import snapshot
from sjft.fetch.missing import missing_data
from sjft.settings.config import read_configuration

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
def test_a_listed_image_that_is_a_pipe_is_named_or_left_out(built, reader: str) -> None:
    root = built(reader)
    before = read(root, reader)
    gone = root / before[0].path
    gone.unlink()
    os.mkfifo(gone)
    if reader == "imagenet":
        assert read(root, reader) == before[1:]
    else:
        refused(root, reader, "is a pipe, a socket or a device")
