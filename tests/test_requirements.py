"""Requirements: everything that is missing is said at once."""

import os
from pathlib import Path
from typing import Any

import pytest

from sjft.requirements import dataset_state, folder_state, missing_data
from sjft.settings.config import Configuration, read_configuration
from sjft.settings.dataset import CsvList, ImageFolder


def configuration(root: Path) -> Configuration:
    raw: dict[str, Any] = {
        "data_root": str(root),
        "datasets": {
            "birds": {
                "reader": "image_folder",
                "root": "birds",
                "splits": {"train": "."},
                "how_to_get": "Ask the\n  ornithologists.",
            },
            "web": {"reader": "csv", "root": "deep/web", "file": "list.csv"},
            "demo": {
                "reader": "synthetic",
                "contents": ["disc", "ring"],
                "styles": ["hatching"],
                "per_class": {"train": 2},
            },
        },
        "banks": {
            "own": {"type": "cnn", "weights": {"source": "file", "path": "bank.pt"}},
            "gabor": {"type": "gabor"},
        },
        "retrievals": {"one": {"bank": "own"}, "two": {"bank": "gabor"}},
        "experiments": {
            "main": {
                "target": "birds",
                "source": "web",
                "retrieval": "one",
                "training": {"weights": {"source": "file", "path": "trunk.pt"}},
            },
            "other": {"target": "birds", "source": "demo", "retrieval": "two"},
        },
    }
    return read_configuration(raw)


def missing(root: Path, *experiments: str) -> str:
    found = missing_data(configuration(root), experiments)
    assert found is not None
    return found


def test_all_that_is_missing_is_listed_with_where_and_how(tmp_path: Path) -> None:
    text = missing(tmp_path, "main")
    lines = [line for line in text.splitlines() if line.startswith("  - ")]
    assert lines == [
        f"  - data set `birds`: no folder {tmp_path / 'birds'}. Ask the ornithologists.",
        f"  - data set `web`: no folder {tmp_path / 'deep/web'}. Put your images there.",
        f"  - weights `experiments.main.training.weights`: no file {tmp_path / 'trunk.pt'}.",
        f"  - weights `banks.own.weights`: no file {tmp_path / 'bank.pt'}.",
    ]
    for words in (str(tmp_path), "SJFT_DATA_ROOT", "--config data_root=", "config/README.md"):
        assert words in text


def test_what_two_experiments_lack_is_listed_once(tmp_path: Path) -> None:
    assert missing(tmp_path, "main", "other").count("data set `birds`") == 1


def test_only_what_the_experiment_uses_is_missed(tmp_path: Path) -> None:
    text = missing(tmp_path, "other")
    assert text.count("  - ") == 1
    assert "data set `birds`" in text


def test_nothing_is_missed_where_all_is_there(tmp_path: Path) -> None:
    for folder in ("birds", "deep/web"):
        (tmp_path / folder).mkdir(parents=True)
    assert "trunk.pt" in missing(tmp_path, "main", "other")
    assert f"data set `web`: no file {tmp_path / 'deep/web/list.csv'}. Put" in missing(
        tmp_path, "main"
    )
    for name in ("bank.pt", "trunk.pt", "deep/web/list.csv"):
        (tmp_path / name).touch()
    assert missing_data(configuration(tmp_path), ["main", "other"]) is None


def test_the_command_that_fetches_is_named_before_the_way_by_hand(tmp_path: Path) -> None:
    raw = configuration(tmp_path).model_dump()
    for name in ("birds", "web"):
        raw["datasets"][name]["downloads"] = [{"url": f"https://example.org/{name}.tar"}]
    found = missing_data(read_configuration(raw), ["main"])
    assert found is not None
    assert "Get it with `snakemake --cores 1 fetch_birds`. Ask the ornithologists.\n" in found
    assert "Get it with `snakemake --cores 1 fetch_web`.\n" in found


def test_a_data_set_that_is_being_fetched_is_missed(tmp_path: Path) -> None:
    (tmp_path / "birds/.fetching").mkdir(parents=True)
    assert "data set `birds`: it is not fetched completely: fetch it again" in missing(
        tmp_path, "other"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of two splits and classes, last changed long ago."""
    for name in ("train/owl", "train/crow", "test/owl"):
        (tmp_path / "birds" / name).mkdir(parents=True)
        (tmp_path / "birds" / name / "0.jpg").touch()
    for place, _, _ in os.walk(tmp_path / "birds"):
        os.utime(place, (10**9, 10**9))
    return tmp_path / "birds"


def test_the_state_of_a_folder_is_the_same_wherever_it_lies(folder: Path) -> None:
    before = folder_state(folder)
    assert folder_state(folder.rename(folder.with_name("elsewhere"))) == before


def test_the_state_of_a_listed_data_set_changes_with_its_table(folder: Path) -> None:
    settings = CsvList(reader="csv", root=folder.name, file="list.csv")
    states = [dataset_state(settings, folder.parent)]
    for text in ("path,class\n", "path,class,split\n"):
        (folder / "list.csv").write_text(text)
        states.append(dataset_state(settings, folder.parent))
    assert len(set(states)) == 3
    folders = ImageFolder(reader="image_folder", root=folder.name, splits={"train": "."})
    assert dataset_state(folders, folder.parent) == folder_state(folder)


def test_the_state_of_a_folder_stays_while_nothing_changes(folder: Path) -> None:
    assert folder_state(folder) == folder_state(folder)


@pytest.mark.parametrize("name", ["1.jpg", "train/1.jpg", "train/owl/1.jpg", "test/owl/1.jpg"])
def test_a_new_picture_changes_the_state(folder: Path, name: str) -> None:
    before = folder_state(folder)
    (folder / name).touch()
    assert folder_state(folder) != before


def test_removed_pictures_and_new_classes_change_the_state(folder: Path) -> None:
    states = [folder_state(folder)]
    (folder / "train/owl/0.jpg").unlink()
    states.append(folder_state(folder))
    (folder / "train/kite").mkdir()
    states.append(folder_state(folder))
    assert len(set(states)) == 3
