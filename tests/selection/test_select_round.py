"""The selection of a round, from files to files."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from small import images_table, manifest, random_neighbours

from sjft.data.table import write_images
from sjft.leakage.table import LEAKAGE_SCHEMA, write_leakage
from sjft.retrieval.neighbours import write_neighbours
from sjft.selection.difficulty import difficulty_table, write_difficulty
from sjft.selection.select_round import ManifestFiles, SelectionFiles, select_round
from sjft.selection.subset import read_manifest, write_manifest
from sjft.settings.selection import SelectionSettings
from sjft.storage.files import write_table

SETTINGS = SelectionSettings(initial_neighbours=2)
SIZES = {"store": 6, "web": 5}


@pytest.fixture
def files(tmp_path: Path) -> SelectionFiles:
    """Two sources in lists of one shard each, of which nothing is left out."""
    targets = tmp_path / "images.csv"
    write_images(targets, images_table([0, 1, 0, 1], folder="t"))
    for name, size in SIZES.items():
        write_images(
            tmp_path / f"{name}.csv", images_table([0, 1] * (size // 2) + [0] * (size % 2))
        )
    write_neighbours(tmp_path / "ranking.h5", random_neighbours(1, 4, 11, 8), {}, {})
    sources = [tmp_path / f"{name}.csv" for name in SIZES]
    return SelectionFiles(targets, sources, [], [], [], tmp_path / "ranking.h5", [], None)


def skipped(path: Path, *names: str) -> Path:
    write_table(path, pl.DataFrame({"path": names, "reason": ["is truncated"] * len(names)}))
    return path


def leaks(path: Path, *names: str) -> Path:
    rows = [{"source_path": name} for name in names]
    write_leakage(path, pl.DataFrame(rows, schema=LEAKAGE_SCHEMA))
    return path


def selected(
    files: SelectionFiles, sources: str = "all", skipped_of: tuple[str, ...] = (), seed: int = 0
) -> tuple[pl.DataFrame, pl.DataFrame]:
    folder = files.targets.parent / "out"
    output = ManifestFiles(folder / "subset.csv", folder / "targets.csv")
    names = list(SIZES)
    select_round(files, names, skipped_of, sources, SETTINGS, seed, output)  # type: ignore[arg-type]
    found = read_manifest(output.subset, output.targets)
    return found.subset, found.targets


def test_what_was_skipped_or_leaks_is_left_out_of_its_own_source(
    files: SelectionFiles, tmp_path: Path
) -> None:
    assert len(selected(files)[0]) == 11
    files = replace(
        files,
        skipped_sources=[skipped(tmp_path / "a.csv", "a/0.png"), skipped(tmp_path / "b.csv")],
        skipped_targets=[skipped(tmp_path / "c.csv", "t/3.png")],
        leakage=[leaks(tmp_path / "d.csv", "a/1.png"), leaks(tmp_path / "e.csv", "a/4.png")],
    )
    subset, targets = selected(files, skipped_of=("web", "store"))
    left = {name: set(subset.filter(source=name)["path"]) for name in SIZES}
    assert left["store"] == {f"a/{i}.png" for i in (0, 2, 3, 4, 5)}
    assert left["web"] == {f"a/{i}.png" for i in (1, 2, 3)}
    assert targets["path"].to_list() == ["t/0.png", "t/1.png", "t/2.png"]


def test_lists_without_a_source_are_refused(files: SelectionFiles, tmp_path: Path) -> None:
    lists = [skipped(tmp_path / "a.csv", "a/0.png"), skipped(tmp_path / "b.csv")]
    with pytest.raises(ValueError, match="longer"):
        selected(replace(files, skipped_sources=lists), skipped_of=("web",))
    with pytest.raises(ValueError, match="shorter"):
        selected(replace(files, leakage=[leaks(tmp_path / "d.csv")]))


def test_hard_images_of_the_last_round_bring_more_neighbours(
    files: SelectionFiles, tmp_path: Path
) -> None:
    _, first = selected(files, "neighbours")
    assert first["neighbours"].to_list() == [2] * 4
    scores = [[0.9, 0.1], [0.9, 0.1], [0.2, 0.8], [0.1, 0.9]]
    last = [tmp_path / "targets.csv", tmp_path / "difficulty.csv"]
    write_manifest(replace(manifest(), targets=first), tmp_path / "subset.csv", last[0])
    table = difficulty_table(first, pl.DataFrame(scores, orient="row").to_numpy())
    write_difficulty(last[1], table)
    _, second = selected(replace(files, last_round=last), "neighbours")
    wrong = ~table["correct"]
    assert wrong.to_list() == [False, True, True, False]
    for hard, before, after in zip(wrong, first["neighbours"], second["neighbours"], strict=True):
        assert after > before if hard else after >= before


def test_an_arm_takes_as_many_at_random_as_another_has(
    files: SelectionFiles, tmp_path: Path
) -> None:
    subset, _ = selected(files, "neighbours")
    number = len(subset)
    write_manifest(replace(manifest(), subset=subset), tmp_path / "other.csv", tmp_path / "t.csv")
    files = replace(files, as_many_as=tmp_path / "other.csv", ranking=None)
    drawn = [set(selected(files, "random", seed=seed)[0]["image"]) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert {len(images) for images in drawn} == {number}
