"""Requirements: everything that is missing is said at once."""

from pathlib import Path
from typing import Any

from sjft.fetch.missing import missing_data
from sjft.settings.config import Configuration, read_configuration


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
                "training": {
                    "weights": {"source": "file", "path": "trunk.pt"},
                    "source_head": "pretrained",
                    "source_head_classes": "classes.txt",
                },
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
        f"  - weights `banks.own.weights`: no file {tmp_path / 'bank.pt'}.",
        f"  - weights `experiments.main.training.weights`: no file {tmp_path / 'trunk.pt'}.",
        "  - classes `experiments.main.training.source_head_classes`: no file "
        f"{tmp_path / 'classes.txt'}.",
    ]
    for words in (str(tmp_path), "SJFT_DATA_ROOT", "--config data_root=", "docs/readers.md"):
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
    for name in ("bank.pt", "trunk.pt", "classes.txt", "deep/web/list.csv"):
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


def test_first_subsets_need_nothing_of_the_training_s(tmp_path: Path) -> None:
    found = missing_data(configuration(tmp_path), ["main"], untrained={"main"})
    assert found is not None
    assert "data set `web`" in found
    assert "`banks.own.weights`" in found
    assert ".training." not in found
