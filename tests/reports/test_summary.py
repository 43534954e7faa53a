"""Summary: shares, means over seeds, and the table."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from small import manifest, source_table

from sjft.errors import UserError
from sjft.reports.summary import (
    Retrieval,
    RunFiles,
    chance,
    read_summary,
    render_table,
    style_share,
    summarise,
)
from sjft.selection.subset import write_manifest
from sjft.storage.files import write_json

RETRIEVAL = Retrieval("annoy", {"store": {"10": 0.98765, "100": 1.0}}, {}, None)


def run_files(
    folder: Path, arm: str, seed: int, accuracy: float, source_styles: list[str]
) -> RunFiles:
    files = RunFiles(
        arm, seed, *(folder / f"{arm}-{seed}-{name}" for name in ("e.json", "s.csv", "t.csv"))
    )
    evaluation = {"mean_class_accuracy": accuracy, "accuracy": accuracy / 2, "images": 9}
    write_json(files.evaluation, evaluation)
    write_manifest(manifest(["dots"], source_styles), files.subset, files.targets)
    return files


def sources(styles: list[str]) -> pl.DataFrame:
    return source_table([0] * len(styles)).with_columns(pl.Series("style", styles, pl.String))


def summary_of(folder: Path, *, styles: bool = True, **changes: Any) -> dict[str, Any]:
    near, far = ("dots", "lines") if styles else ("", "")
    runs = [
        run_files(folder, "selective", 0, 0.5, [near, near, far]),
        run_files(folder, "selective", 1, 0.75, [near]),
        run_files(folder, "fine-tune", 0, 0.25, []),
    ]
    arguments: dict[str, Any] = {
        "experiment": "demo",
        "runs": runs,
        "sources": sources([near, far, far, far]),
        "retrieval": RETRIEVAL,
    }
    return summarise(**{**arguments, **changes})


@pytest.mark.parametrize(
    ("targets", "selected", "share"),
    [
        (["dots"], ["dots", "lines", "lines", "dots"], 0.5),
        (["dots", "lines"], ["dots", "lines", "grain"], 2 / 3),
        (["dots", ""], ["", "dots"], 0.5),
        (["dots"], ["lines"], 0.0),
        (["dots"], [], None),
        (["dots"], ["", ""], None),
        (["", ""], ["dots"], None),
    ],
)
def test_the_style_share_is_that_of_the_selected_images(
    targets: list[str], selected: list[str], share: float | None
) -> None:
    assert style_share(manifest(targets, selected)) == (
        share if share is None else pytest.approx(share)
    )


def test_chance_is_the_share_of_all_source_images() -> None:
    of_targets = manifest(["dots"], ["dots"])
    assert chance(of_targets, sources(["dots", "lines", "lines", "grain"])) == 0.25
    assert chance(of_targets, sources(["", ""])) is None


def test_seeds_are_averaged_and_kept(tmp_path: Path) -> None:
    arms = summary_of(tmp_path)["arms"]
    assert list(arms) == ["selective", "fine-tune"]
    assert arms["selective"]["mean_class_accuracy"] == 0.625
    assert arms["selective"]["accuracy"] == 0.3125
    assert arms["selective"]["source_images"] == 2
    assert arms["selective"]["style_share"] == pytest.approx((2 / 3 + 1) / 2)
    assert [run["seed"] for run in arms["selective"]["runs"]] == [0, 1]
    assert arms["fine-tune"]["style_share"] is None


def cells(table: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1  # aligned
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_table_shows_shares_where_styles_are_known(tmp_path: Path) -> None:
    table = summary_of(tmp_path)["table"]
    rows = cells(table)
    assert rows[0][-1] == "share of the target's style"
    assert rows[2] == ["selective", "62.5 %", "31.2 %", "2", "83.3 %"]
    assert rows[3] == ["fine-tune", "25.0 %", "12.5 %", "0", "-"]
    assert "By chance: 25.0 %." in table
    assert "`annoy` search: 0.988 of the first 10, 1.000 of the first 100." in table


def test_the_table_does_without_styles(tmp_path: Path) -> None:
    found = summary_of(tmp_path, styles=False, retrieval=replace(RETRIEVAL, recall={}))
    rows = cells(found["table"])
    assert rows[0] == ["arm", "mean class accuracy", "top-1", "source images"]
    assert rows[2] == ["selective", "62.5 %", "31.2 %", "2"]
    assert found["style_share_by_chance"] is None
    assert "chance" not in found["table"]
    assert "not measured" in found["table"]


def test_millions_of_source_images_are_written_out(tmp_path: Path) -> None:
    found = summary_of(tmp_path, styles=False)
    found["arms"]["selective"]["source_images"] = 1281167
    assert cells(render_table(found))[2][3] == "1281167"


def test_a_summary_can_be_read_back(tmp_path: Path) -> None:
    written = summary_of(tmp_path)
    write_json(tmp_path / "s.json", written)
    assert read_summary(tmp_path / "s.json") == written


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "3", "\udcff"])
def test_another_file_is_no_summary(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"s\.json: is no"):
        read_summary(tmp_path / "s.json")


def test_a_missing_summary_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_summary(tmp_path / "s.json")
    with pytest.raises(UserError, match="cannot be read"):
        read_summary(tmp_path)


def test_leakage_and_duplicates_are_reported(tmp_path: Path) -> None:
    assert "Leakage was not looked for." in summary_of(tmp_path)["table"]
    checked = replace(
        RETRIEVAL,
        leakage={"store": {"source_images": 4, "target_images": 3}},
        duplicates={"source_images": 2, "target_images": 1},
    )
    table = summary_of(tmp_path, retrieval=checked)["table"]
    assert "4 images of store show a held-out picture of the target (3 such pictures)." in table
    assert "1 held-out pictures stand among the target's own training images too." in table


def test_the_share_of_each_source_is_reported_where_there_are_several(tmp_path: Path) -> None:
    found = summary_of(tmp_path)
    assert found["arms"]["selective"]["runs"][0]["source_shares"] == {"store": 1.0}
    assert "Shares of the sources" not in found["table"]
    for run in found["arms"]["selective"]["runs"]:
        run["source_shares"] = {"store": 0.25, "attic": 0.75}
    two = replace(RETRIEVAL, recall={"store": {"10": 1.0}, "attic": {"10": 0.5}})
    found["recall"] = two.recall
    table = render_table(found)
    assert "Shares of the sources: selective 25.0 % store, 75.0 % attic." in table
    assert "1.000 of the first 10 in store; 0.500 of the first 10 in attic." in table
