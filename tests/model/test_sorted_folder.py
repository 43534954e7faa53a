"""Predictions as CSV, and images sorted by them."""

import csv
import io
import time
from pathlib import Path

import pytest
from image_files import save_images
from published import publish

from sjft.cli.main import main
from sjft.errors import UserError
from sjft.model.predict import Prediction
from sjft.model.sorted_folder import folder_name, sorted_folder

CLASSES = ["a/b", "..", "c%2Fd"]


@pytest.fixture
def images(tmp_path: Path) -> Path:
    save_images(tmp_path / "p", ["x/1.png", "y/1.png", 'z/a "b", c.PNG'])
    (tmp_path / "p/bad.jpg").write_text("no image")
    return tmp_path / "p"


def test_names_of_folders_are_one_folder_each_and_differ() -> None:
    names = [folder_name(name) for name in [*CLASSES, "a%2Fb", ".", "...", "plain name"]]
    assert names[:3] == ["a%2Fb", "%2E.", "c%252Fd"]
    assert len(set(names)) == len(names)
    assert not any("/" in name or name.startswith(".") for name in names)


@pytest.mark.parametrize("links", [False, True])
def test_images_of_one_name_stand_side_by_side(images: Path, links: bool) -> None:
    folder = sorted_folder(images.parent / "s", links=links)
    paths = [images / "x/1.png", images / "y/1.png", images / "x/1.png"]
    before = [path.read_bytes() for path in paths]
    for path in paths:
        folder.add(Prediction(path, [("a/b", 0.9)]))
    folder.add(Prediction(images / "bad.jpg", [], "not an image"))
    placed = sorted((images.parent / "s").rglob("*.*g"))
    assert [path.name for path in placed] == ["1-2.png", "1-3.png", "1.png"]
    assert {path.parent.name for path in placed} == {"a%2Fb"}
    assert [path.is_symlink() for path in placed] == [links] * 3
    assert (images.parent / "s/a%2Fb/1-2.png").read_bytes() == before[1]
    assert [path.read_bytes() for path in paths] == before
    assert "3 " in folder.summary()
    assert "2 with a number" in folder.summary()


def test_thousands_of_images_of_one_name_are_numbered_in_no_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, placed = 4000, []
    monkeypatch.setattr("pathlib.Path.symlink_to", lambda self, _: placed.append(self.name))
    folder = sorted_folder(tmp_path / "s", links=True)
    before = time.process_time()
    for video in range(number):
        folder.add(Prediction(Path(f"/{video}/frame-1.jpg"), [("a", 0.9)]))
    assert time.process_time() - before < 3  # where each begins at 2: 9 seconds
    assert placed == ["frame-1.jpg", *(f"frame-1-{n}.jpg" for n in range(2, number + 1))]


def test_the_number_finds_room_in_a_name_that_has_none(tmp_path: Path) -> None:
    name = "é" * 125 + "x.png"  # 255 bytes
    save_images(tmp_path / "p", [f"{folder}/{name}" for folder in "xyz"])
    folder = sorted_folder(tmp_path / "s", links=False)
    for place in "xyz":
        folder.add(Prediction(tmp_path / "p" / place / name, [("a", 0.9)]))
    placed = sorted(path.name for path in (tmp_path / "s/a").iterdir())
    assert placed == ["é" * 124 + "-2.png", "é" * 124 + "-3.png", name]


def test_nothing_is_written_over(images: Path) -> None:
    with pytest.raises(UserError, match="nothing in it is overwritten"):
        sorted_folder(images, links=False)
    (images.parent / "empty").mkdir()
    assert sorted_folder(images.parent / "empty", links=False).done == 0


def test_the_command_writes_csv_and_sorts(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model.pt"
    publish(model, "shufflenet_v2_x0_5", side=32, classes=CLASSES, evaluation={"scales": [36]})
    command = ["predict", str(model), str(images), "--device", "cpu", "--top", "5", "--csv"]
    assert main([*command, "--sort-into", str(tmp_path / "s"), "--link"]) == 1
    said = capsys.readouterr()
    assert f"3 links in {tmp_path / 's'}" in said.err
    rows = list(csv.DictReader(io.StringIO(said.out)))
    ranks = [name for n in (1, 2, 3) for name in (f"class_{n}", f"probability_{n}")]
    assert list(rows[0]) == ["path", "error", *ranks]
    by_path = {row["path"]: row for row in rows}
    assert len(by_path) == 4
    bad = by_path.pop(str(images / "bad.jpg"))
    assert bad["error"] and not bad["class_1"]
    for path, row in by_path.items():
        shares = [float(row[f"probability_{n}"]) for n in (1, 2, 3)]
        assert shares == sorted(shares, reverse=True)
        assert sum(shares) == pytest.approx(1, abs=1e-5)
        place = tmp_path / "s" / folder_name(row["class_1"])
        assert any(link.readlink() == Path(path) for link in place.iterdir())
    assert main([*command, "--link"]) == 1
    assert "--sort-into" in capsys.readouterr().err
