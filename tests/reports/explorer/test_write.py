"""What the explorer's folder holds."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from explored import Explored, write_explored
from PIL import Image

from sjft.data.location import ImageFolders
from sjft.data.table import read_images
from sjft.reports.explorer.inputs import ExplorerInputs
from sjft.reports.explorer.write import SOURCE_SHEETS, TARGET_SHEETS, write_explorer
from sjft.retrieval.neighbours import read_neighbours
from sjft.selection.pairs import pairs_of
from sjft.selection.subset import read_manifest
from sjft.settings.explorer import ExplorerSettings

SIZE = Explored(targets=27, sources=150, kept=12, initial_neighbours=3)
SETTINGS = ExplorerSettings(neighbours=8, explained=2, thumbnails=110)
Made = tuple[ExplorerInputs, ImageFolders, Path]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("explored")
    inputs, images = write_explored(folder, SIZE)
    write_explorer(inputs, images, SETTINGS, folder / "explorer", 2)
    return inputs, images, folder / "explorer"


def script(folder: Path, name: str) -> Any:
    """What a script hands over."""
    text = (folder / "data" / f"{name}.js").read_text("ascii")
    found = re.fullmatch(r'Explorer\.receive\("([\w-]+)",(.*)\);\n', text, re.DOTALL)
    assert found and found[1] == name
    return json.loads(found[2])


def test_lists_are_the_ranking_s(made: Made) -> None:
    inputs, _, folder = made
    names = script(folder, "sources")
    paths = read_images(inputs.source_images["things"])["path"]
    for files in inputs.retrievals:
        ranking = read_neighbours(files.ranking)
        for target in range(SIZE.targets):
            content = script(folder, f"targets-{target // 20:04d}")[files.name]
            named = [names["path"][source] for source in content["sources"][target % 20]]
            assert named == [paths[n] for n in ranking.sources[target, :8].tolist()]
            told = content["divergences"][target % 20]
            assert np.allclose(told, ranking.divergences[target, :8], rtol=1e-3)
            assert len(content["byLayer"][target % 20]) == SETTINGS.explained


def test_borrowers_are_the_lists_the_other_way_round(made: Made) -> None:
    *_, folder = made
    index = script(folder, "index")
    forward: set[tuple[int, int, int]] = set()
    for target in range(SIZE.targets):
        content = script(folder, f"targets-{target // 20:04d}")["first"]["sources"][target % 20]
        forward |= {(source, target, rank) for rank, source in enumerate(content, 1)}
    backward = set()
    for source in range(index["sourcesNamed"]):
        flat = script(folder, f"borrowers-{source // 200:04d}")["first"][source % 200]
        assert flat[1::2] == sorted(flat[1::2]), "the nearest first"
        backward |= {(source, *pair) for pair in zip(flat[::2], flat[1::2], strict=True)}
    assert backward == forward


def test_rounds_count_all_pairs_also_those_that_are_not_listed(made: Made) -> None:
    inputs, _, folder = made
    index, names = script(folder, "index"), script(folder, "sources")
    rankings = {files.name: read_neighbours(files.ranking) for files in inputs.retrievals}
    assert [(r["arm"], r["round"]) for r in index["rounds"]] == [
        *(("selective", 0), ("selective", 1), ("gabor", 0), ("gabor", 1))
    ]
    beyond = 0
    for told, files in zip(index["rounds"], inputs.rounds, strict=True):
        manifest = read_manifest(files.subset, files.targets)
        pairs = pairs_of(manifest, rankings[files.retrieval])
        beyond += int((pairs["rank"] > SETTINGS.neighbours).sum())
        assert told["pairs"] == len(pairs) and told["images"] == pairs["source_path"].n_unique()
        assert told["neighbours"] == manifest.targets["neighbours"].to_list()
        counted = dict(pairs.group_by("source_class").len().iter_rows())
        assert {name: n for name, _, n in told["classes"]} == counted
        first = told["mostBorrowed"][0]
        by_path = pairs.filter(pl.col("source_path") == names["path"][first[0]])
        assert first[1] == len(by_path) == pairs.group_by("source_path").len()["len"].max()
        for name, given in told["byTargetClass"].items():
            of_class = pairs.filter(pl.col("target_class") == name)
            expected = dict(of_class.group_by("source_class").len().iter_rows())
            assert all(expected[other] == n for other, n in given)
    assert beyond, "no pair is beyond the listed ones: the test shows nothing"


def test_images_stand_where_their_ids_say(made: Made) -> None:
    _, images, folder = made
    index, names = script(folder, "index"), script(folder, "sources")
    assert index["sourcesImaged"] == SETTINGS.thumbnails < index["sourcesNamed"]
    every = (
        *((TARGET_SHEETS, images.target, index["targets"]["path"], SIZE.targets),),
        *((SOURCE_SHEETS, images.sources["things"], names["path"], SETTINGS.thumbnails),),
    )
    for sheets, root, paths, number in every:
        for place in range(number):
            sheet = np.asarray(Image.open(folder / "images" / sheets.file(place // sheets.images)))
            top, left = (sheets.side * n for n in divmod(place % sheets.images, sheets.columns))
            tile = sheet[top : top + sheets.side, left : left + sheets.side]
            with Image.open(root / paths[place]) as image:
                expected = np.asarray(image.convert("RGB")).mean(axis=(0, 1))
            assert np.abs(tile.mean(axis=(0, 1)) - expected).max() < 8, paths[place]


def test_the_lowest_ranks_are_imaged_first(made: Made) -> None:
    inputs, _, folder = made
    imaged = set(script(folder, "sources")["path"][: SETTINGS.thumbnails])
    paths = read_images(inputs.source_images["things"])["path"]
    for files in inputs.retrievals:
        nearest = read_neighbours(files.ranking).sources[:, 0]
        assert {paths[n] for n in nearest.tolist()} <= imaged


def test_no_held_out_image_is_named(made: Made) -> None:
    *_, folder = made
    assert all("test/" not in file.read_text() for file in (folder / "data").glob("*.js"))


def test_the_same_inputs_give_the_same_bytes_and_leave_nothing_old(made: Made) -> None:
    inputs, images, folder = made
    (folder / "data" / "targets-9999.js").write_text("old")
    (folder / "images" / "sources-9999.jpg").write_text("old")
    before = {
        p: p.read_bytes() for p in folder.rglob("*.*") if p.is_file() and "9999" not in p.name
    }
    write_explorer(inputs, images, SETTINGS, folder, 1)
    assert {p: p.read_bytes() for p in folder.rglob("*.*") if p.is_file()} == before


def test_fewer_target_images_are_spread_over_the_list(made: Made, tmp_path: Path) -> None:
    inputs, images, _ = made
    settings = SETTINGS.model_copy(update={"targets": 4, "thumbnails": 5})
    write_explorer(inputs, images, settings, tmp_path, 1)
    index = script(tmp_path, "index")
    assert index["targets"]["path"] == [f"pets & <more>/{n}.png" for n in (0, 9, 17, 26)]
    assert index["targetsInAll"] == SIZE.targets
    assert all(len(r["neighbours"]) == 4 for r in index["rounds"])


def test_images_that_are_gone_are_counted_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    gone = tuple(f"things & <more>/{n}.png" for n in range(8, 60))
    inputs, images = write_explored(tmp_path, replace(SIZE, sources=60, missing=gone))
    write_explorer(inputs, images, SETTINGS, tmp_path / "explorer", 1)
    bad = script(tmp_path / "explorer", "index")["bad"]
    assert bad and all(re.search(r"things & <more>/\d+\.png: ", line) for line in bad)
    assert caplog.text.count("grey in the page") == len(bad)


def test_names_are_no_html_and_no_script(made: Made, tmp_path: Path) -> None:
    inputs, images, folder = made
    assert "</b>" in script(folder, "index")["classes"][0], "else the test shows nothing"
    renamed = replace(inputs, experiment="<script>x</script>")
    write_explorer(renamed, images, SETTINGS, tmp_path, 1)
    page = (tmp_path / "index.html").read_text()
    assert "<script>x" not in page and "&lt;script&gt;x" in page
