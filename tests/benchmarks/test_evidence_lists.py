"""The lists of the evidence's sketches: what is in them, and that nothing is in both."""

import csv
import sys
from pathlib import Path

import pytest
from chain import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import evidence_lists
from evidence_lists import ANIMALS, LOOKS, OTHERS


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_sketches_of_animals_are_the_target_and_everything_else_the_source(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for look in LOOKS:
        for name in (*ANIMALS, *OTHERS):
            (tmp_path / "pacs" / look / name).mkdir(parents=True)
            for number in range(30):
                (tmp_path / "pacs" / look / name / f"{number}.jpg").touch()
    photographs = tmp_path / "miniimagenet" / "train" / "n01440764"
    photographs.mkdir(parents=True)
    (photographs / "a.jpg").touch()
    monkeypatch.setattr("sys.argv", ["evidence_lists.py", str(tmp_path)])
    evidence_lists.main()
    target, source = (rows_of(tmp_path / "pacs" / f"{n}.csv") for n in ("target", "source"))
    assert {(row["class"], row["look"]) for row in target} == {(a, "sketch") for a in ANIMALS}
    assert len(target) == 4 * 30
    share = {s: sum(row["split"] == s for row in target) / 120 for s in ("train", "val", "test")}
    assert share["train"] > 0 and abs(share["test"] - 0.7) < 0.15 and abs(share["val"] - 0.2) < 0.1
    drawn = {(row["class"], row["look"]) for row in source}
    assert drawn == {(o, look) for o in OTHERS for look in LOOKS} | {("n01440764", "photo")}
    assert {row["split"] for row in source} == {"train"}
    assert len(source) == 3 * 4 * 30 + 1
    assert all((tmp_path / row["path"]).is_file() for row in (*target, *source))
    assert not {row["path"] for row in target} & {row["path"] for row in source}


def test_a_folder_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for look in LOOKS:
        (tmp_path / "pacs" / look).mkdir(parents=True)
    monkeypatch.setattr("sys.argv", ["evidence_lists.py", str(tmp_path)])
    with pytest.raises(SystemExit):
        evidence_lists.main()
    assert f"no folder {tmp_path / 'miniimagenet' / 'train'}\n" in capsys.readouterr().err
    assert not (tmp_path / "pacs" / "target.csv").exists()
