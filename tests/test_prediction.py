"""Prediction: a published model on pictures, and what cannot be predicted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import random_picture, save_pictures
from published import publish
from torchvision.transforms import v2

from sjft.cli import main
from sjft.errors import UserError
from sjft.prediction import Prediction, as_json, as_text, pictures_in, predict
from sjft.published import load_published

CLASSES = ["cat", "dög", "eel"]
VIEWS = {"scales": [36, 44], "crops": "five", "mirror": True}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model with random weights, evaluated on twenty views of a picture."""
    path = tmp_path_factory.mktemp("model") / "model.pt"
    publish(path, "shufflenet_v2_x0_5", side=32, classes=CLASSES, evaluation=VIEWS)
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of pictures, with one that is none."""
    save_pictures(tmp_path / "p", ["b/2.png", "a.PNG", "b/1.png"])
    (tmp_path / "p/bad.jpg").write_text("no picture")
    (tmp_path / "p/notes.txt").write_text("no picture either")
    return tmp_path / "p"


@pytest.mark.parametrize("single", [True, False])
def test_predictions_are_those_of_plain_torchvision(
    model: Path, tmp_path: Path, single: bool
) -> None:
    random_picture(4, (50, 41)).save(tmp_path / "a.png")
    published = load_published(model)
    (found,) = predict(published, [tmp_path / "a.png"], 3, single_view=single)
    mean, std = published.preprocessing["mean"], published.preprocessing["std"]
    pixels = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    crop = v2.CenterCrop(32) if single else v2.FiveCrop(32)
    views = []
    for scale in [36] if single else VIEWS["scales"]:
        crops = crop(v2.Resize(scale)(random_picture(4, (50, 41))))
        views += [v2.Compose(pixels)(view) for view in ([crops] if single else crops)]
    if not single:
        views += [view.flip(-1) for view in views]
    assert len(views) == (1 if single else 20)
    with torch.no_grad():
        scores = published.network(torch.stack(views)).softmax(1).mean(0)
    order = scores.argsort(descending=True).tolist()
    assert [name for name, _ in found.classes] == [CLASSES[place] for place in order]
    np.testing.assert_allclose([p for _, p in found.classes], scores[order], rtol=1e-4)


def test_folders_are_searched_and_bad_pictures_said(model: Path, pictures: Path) -> None:
    paths = pictures_in([pictures / "b/2.png", pictures])
    names = [path.relative_to(pictures).as_posix() for path in paths]
    assert names == ["b/2.png", "a.PNG", "b/1.png", "b/2.png", "bad.jpg"]
    found = predict(load_published(model), [paths[-1], *paths], 1)
    assert [len(prediction.classes) for prediction in found] == [0, 1, 1, 1, 1, 0]
    assert found[1].classes == found[4].classes
    assert "not an image" in found[0].error
    values = json.loads(as_json(found))
    assert values[5] == {"path": str(pictures / "bad.jpg"), "error": found[5].error}
    assert values[1]["classes"][0]["class"] in CLASSES


def test_batches_leave_no_trace(model: Path, pictures: Path) -> None:
    published, paths = load_published(model), pictures_in([pictures])
    at_once = predict(published, paths, 2)
    in_parts = predict(published, paths, 2, batch=40)
    for one, other in zip(at_once, in_parts, strict=True):
        assert (one.path, one.error) == (other.path, other.error)
        np.testing.assert_allclose(
            [p for _, p in one.classes], [p for _, p in other.classes], rtol=1e-5
        )


def test_the_table_has_columns() -> None:
    text = as_text(
        [
            Prediction(Path("a.png"), [("cat", 1.0), ("eel", 0.0)]),
            Prediction(Path("longer.png"), [], "is not an image"),
            Prediction(Path("b.png"), [("dormouse", 0.514), ("cat", 0.0321)]),
        ]
    )
    assert text.splitlines() == [
        "a.png       cat      100.0 %  eel   0.0 %",
        "longer.png  is not an image",
        "b.png       dormouse  51.4 %  cat   3.2 %",
    ]


def test_the_command_shows_a_table_or_json_and_fails_where_a_picture_is_bad(
    model: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["predict", str(model)]
    assert main([*command, str(pictures / "a.PNG"), "--top", "2", "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{pictures / 'a.PNG'}  ")
    assert text.count(" %") == 2
    shown = []
    for views in ([], ["--single-view"]):
        assert main([*command, str(pictures / "a.PNG"), "--json", *views]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] != shown[1]
    assert main([*command, str(pictures), "--json", "--batch", "1"]) == 1
    output = capsys.readouterr()
    assert [len(value.get("classes", [])) for value in json.loads(output.out)] == [3, 3, 3, 0]
    assert f"1 of 4 pictures could not be read: {pictures / 'bad.jpg'}" in output.err


def test_a_gpu_that_is_not_there_is_said(
    model: Path,
    pictures: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["predict", str(model), str(pictures), "--device", "cuda"]) == 1
    assert "sjft: --device: `cuda` is asked for" in capsys.readouterr().err


def test_what_is_no_model_or_no_picture_is_named(model: Path, tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"no model")
    torch.save({"format": "other"}, tmp_path / "other.pt")
    torch.save({"format": "sjft-published-model", "format_version": 1}, tmp_path / "old.pt")
    (tmp_path / "empty").mkdir()
    for path, words in (
        (tmp_path / "none.pt", "there is no such file"),
        (tmp_path / "m.pt", "cannot be read as a model"),
        (tmp_path / "other.pt", "is no published model"),
        (tmp_path / "old.pt", "is of version 1, this program reads 2. Publish it again"),
    ):
        with pytest.raises(UserError, match=words):
            load_published(path)
    for path, words in (
        (tmp_path / "none.jpg", "no such file or folder"),
        (tmp_path / "empty", "no picture in this folder"),
    ):
        with pytest.raises(UserError, match=words):
            pictures_in([path])
