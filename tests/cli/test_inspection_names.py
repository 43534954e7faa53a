"""`sjft inspect --image NAME`: names of images in files that hold numbers."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from artefacts import projection_of
from descriptor_files import write_small_descriptors
from PIL import Image
from small import images_table, random_histograms, random_neighbours

from sjft.cli.main import main
from sjft.data.state import state_of
from sjft.data.table import read_images, write_images
from sjft.leakage.hashes import hash_images
from sjft.retrieval.bins import equalise_bins
from sjft.retrieval.histograms import build_histograms
from sjft.retrieval.index.annoy import build_annoy_index
from sjft.retrieval.neighbours import Neighbours, write_neighbours
from sjft.retrieval.projection import fit_projection
from sjft.settings.retrieval import AnnoySettings


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set `birds` with images held out and in two shards, and a source `web`, of one."""
    root = tmp_path_factory.mktemp("made") / "results"
    birds = images_table([0, 1] * 8, folder="birds").with_columns(
        pl.Series("shard", [0, 1] * 8, pl.Int32),
        pl.Series("split", ["train"] * 12 + ["test"] * 4),
    )
    for name, table in {"birds": birds, "web": images_table([0] * 50, folder="web")}.items():
        (root / "datasets" / name).mkdir(parents=True)
        write_images(root / "datasets" / name / "images.csv", table)
    pairing = root / "retrieval" / "small" / "birds"
    descriptors = root / "descriptors" / "fake" / "birds" / "train"
    descriptors.mkdir(parents=True)
    for shard in ("0000", "0001"):
        path = write_small_descriptors(descriptors / f"{shard}.h5")
        if not (pairing / "bins.h5").exists():
            equalise_bins([path], 4, None, pairing / "bins.h5")
        histograms = pairing / f"birds/histograms/train/{shard}.h5"
        build_histograms(path, pairing / "bins.h5", histograms)
    web = pairing / "web"
    write_neighbours(web / "neighbours.h5", random_neighbours(1, 12, 50, 9), {}, {}, {"9": 1.0})
    both = random_neighbours(2, 12, 66, 9)
    write_neighbours(pairing / "web+birds/ranking.h5", both, {}, {}, None, {"web": 0, "birds": 50})
    of_shard = random_neighbours(3, 12, 50, 9)
    read = {"bins": "digest of the bins", "sources": "digest of the histograms"}
    write_neighbours(web / "neighbours" / "0000.h5", of_shard, {}, read)
    options: dict[str, Any] = {"epsilon": 1e-4, "dimensions": 2, "sample": 9, "seed": 0}
    fit_projection(random_histograms(1, 9), output=root / "p.h5", inputs={}, **options)
    index = pairing / "birds" / "index" / "0001.ann"
    build_annoy_index(
        projection_of(root / "p.h5", 6),
        AnnoySettings(trees=2),
        0,
        index,
        index.with_suffix(".json"),
        {},
    )
    return root


def row(capsys: pytest.CaptureFixture[str], path: Path, *arguments: object) -> dict[str, Any]:
    assert main(["inspect", str(path), "--json", "--image", *map(str, arguments)]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)["image"]
    return found


def test_a_shard_numbers_its_own_list(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # birds/5.png is the third of the odd ones: row 2 of shard 1.
    for file in (
        "descriptors/fake/birds/train/0001.h5",
        "retrieval/small/birds/birds/histograms/train/0001.h5",
    ):
        found = row(capsys, results / file, "5.png")
        assert (found["image"], found["path"]) == (2, "birds/5.png"), file
        assert row(capsys, results / file, 2) == found
    # ... and there is no even one in it.
    assert main(["inspect", str(results / file), "--image", "birds/4.png"]) == 1
    assert "there is no such image among the 6 of this file" in capsys.readouterr().err


def test_hashes_and_images_held_out(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        Image.effect_noise((40, 40), 60).save(tmp_path / f"{name}.png")
    path = results / "datasets" / "birds" / "hashes" / "heldout" / "0000.h5"
    hash_images(pl.DataFrame({"image": [0, 1], "path": ["a.png", "b.png"]}), tmp_path, path, {})
    assert row(capsys, path, "birds/14.png")["image"] == 1  # 12 and 14 are shard 0's


def test_lists_name_both_sides(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pairing = results / "retrieval" / "small" / "birds"
    found = row(capsys, pairing / "web" / "neighbours.h5", "birds/7.png")
    lists = random_neighbours(1, 12, 50, 9)
    assert found["image"] == 7
    assert [n["path"] for n in found["neighbours"]] == [f"web/{i}.png" for i in lists.sources[7]]
    ranked = row(capsys, pairing / "web+birds" / "ranking.h5", "7.png")["neighbours"]
    for neighbour, image in zip(ranked, random_neighbours(2, 12, 66, 9).sources[7], strict=True):
        source, number = ("birds", image - 50) if image >= 50 else ("web", image)
        assert (neighbour["source"], neighbour["path"]) == (source, f"{source}/{number}.png")


def test_a_shards_lists_are_in_the_order_of_the_histograms(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = results / "retrieval" / "small" / "birds" / "web" / "neighbours" / "0000.h5"
    # First the six of shard 0, then those of shard 1: birds/3.png is the second of these.
    found = row(capsys, path, "birds/3.png")
    assert found["image"] == 7
    assert (
        found["neighbours"][0]["path"] == f"web/{random_neighbours(3, 12, 50, 9).sources[7, 0]}.png"
    )


def test_items_of_an_index_are_rows_of_histograms(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = results / "retrieval" / "small" / "birds" / "birds" / "index" / "0001.ann"
    assert row(capsys, path, "birds/9.png")["item"] == 4


def test_moved_files_are_given_their_lists(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = shutil.copy(results / "retrieval/small/birds/web/neighbours.h5", tmp_path)
    lists = [results / "datasets" / name / "images.csv" for name in ("birds", "web")]
    assert row(capsys, moved, 7)["path"] is None
    named = row(capsys, moved, "birds/7.png", "--images", *lists)
    assert named["path"] == "birds/7.png" and named["neighbours"][0]["path"].startswith("web/")
    assert main(["inspect", str(moved), "--image", "birds/7.png"]) == 1
    error = capsys.readouterr().err
    assert "this file knows images by number" in error and "--images results/datasets/" in error


def test_a_moved_shard_is_found_in_its_list_by_the_state_of_its_images(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = results / "datasets" / "birds" / "images.csv"
    table = read_images(path)
    state = state_of(table, 2).content["train"][1]
    # The name of another part and shard says nothing.
    (tmp_path / "heldout").mkdir()
    moved = write_small_descriptors(tmp_path / "heldout" / "0000.h5", state)
    assert row(capsys, moved, "birds/5.png", "--images", path)["image"] == 2
    assert row(capsys, moved, 2, "--images", path)["path"] == "birds/5.png"
    newer = table.with_columns(pl.col("bytes") + 1)
    write_images(tmp_path / "newer.csv", newer)
    assert row(capsys, moved, 2, "--images", tmp_path / "newer.csv")["path"] is None
    arguments = ["inspect", str(moved), "--image", "birds/5.png", "--images"]
    assert main([*arguments, str(tmp_path / "newer.csv")]) == 1
    assert "other images than any part and shard of this list has" in capsys.readouterr().err


@pytest.mark.parametrize(
    "file",
    [
        "retrieval/small/birds/birds/histograms/train/0001.h5",
        "retrieval/small/birds/birds/index/0001.ann",
        "retrieval/small/birds/web/neighbours/0000.h5",
    ],
)
def test_a_moved_file_that_does_not_say_its_shard_is_not_guessed_at(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str
) -> None:
    (tmp_path / "train").mkdir()
    moved = Path(shutil.copy(results / file, tmp_path / "train" / Path(file).name))
    for beside in (results / file).parent.glob("0001.[dj]*"):
        shutil.copy(beside, moved.parent)
    path = results / "datasets" / "birds" / "images.csv"
    assert row(capsys, moved, 2, "--images", path)["path"] is None
    assert main(["inspect", str(moved), "--image", "birds/5.png", "--images", str(path)]) == 1
    assert "does not say which part and shard of a list it is about" in capsys.readouterr().err


def test_what_has_several_meanings_or_none_is_told(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = images_table([0, 0, 1], folder="x").with_columns(
        pl.Series("path", ["x/a.png", "y/a.png", "z/b.png"])
    )
    path = results / "datasets" / "more" / "images.csv"
    path.parent.mkdir(exist_ok=True)
    write_images(path, table)
    assert main(["inspect", str(path), "--image", "a.png"]) == 1
    assert "2 images end so: x/a.png, y/a.png. Give more of it." in capsys.readouterr().err
    assert main(["inspect", str(path), "--image", "z/c.png"]) == 1
    assert "It has z/b.png" in capsys.readouterr().err
    lists = results / "retrieval" / "small" / "birds" / "web" / "neighbours.h5"
    assert main(["inspect", str(lists), "--image", "14"]) == 1
    assert "holds no target image of this number" in capsys.readouterr().err


def test_long_lists_are_cut_in_the_text_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = Neighbours(
        np.arange(1, dtype=np.int32),
        np.arange(50, dtype=np.int32)[None],
        np.linspace(0, 1, 50, dtype=np.float32)[None],
    )
    write_neighbours(tmp_path / "n.h5", lists, {}, {})
    assert main(["inspect", str(tmp_path / "n.h5"), "--image", "0"]) == 0
    assert "and 30 more (--json gives all)" in capsys.readouterr().out
    assert len(row(capsys, tmp_path / "n.h5", 0)["neighbours"]) == 50
