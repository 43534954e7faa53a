"""Prediction: a published model on pictures, and what cannot be predicted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import random_picture, save_pictures
from torchvision.transforms import v2

from sjft.cli import main
from sjft.errors import UserError
from sjft.network import joint_network
from sjft.prediction import as_json, as_text, load_published, pictures_in, predict
from sjft.publication import publish_model
from sjft.settings.experiment import ExperimentSettings
from sjft.settings.weights import RandomWeights

CLASSES = ["cat", "dög", "eel"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model with random weights."""
    path = tmp_path_factory.mktemp("model") / "model.pt"
    experiment = ExperimentSettings.model_validate(
        {
            "target": "a",
            "source": "b",
            "retrieval": "c",
            "training": {"network": "shufflenet_v2_x0_5", "input_size": 32, "resize": [36, 40]},
            "evaluation": {"scales": [36]},
        }
    )
    network = joint_network(
        "shufflenet_v2_x0_5", RandomWeights(source="random"), None, CLASSES, ["x"], seed=3
    )
    publish_model(path, network, experiment, {})
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A folder of pictures, with one that is none."""
    save_pictures(tmp_path / "p", ["b/2.png", "a.PNG", "b/1.png"])
    (tmp_path / "p/bad.jpg").write_text("no picture")
    (tmp_path / "p/notes.txt").write_text("no picture either")
    return tmp_path / "p"


def test_predictions_are_those_of_plain_torchvision(model: Path, tmp_path: Path) -> None:
    random_picture(4, (50, 41)).save(tmp_path / "a.png")
    published = load_published(model)
    (found,) = predict(published, [tmp_path / "a.png"], 3)
    mean, std = ([*published.preprocessing[name]] for name in ("mean", "std"))
    steps = v2.Compose(
        [
            v2.Resize(36),
            v2.CenterCrop(32),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(mean, std),
        ]
    )
    with torch.no_grad():
        scores = published.network(steps(random_picture(4, (50, 41)))[None]).softmax(1)[0]
    order = scores.argsort(descending=True).tolist()
    assert [name for name, _ in found.classes] == [CLASSES[place] for place in order]
    np.testing.assert_allclose([p for _, p in found.classes], scores[order], rtol=1e-4)


def test_folders_are_searched_and_bad_pictures_said(model: Path, pictures: Path) -> None:
    paths = pictures_in([pictures / "b/2.png", pictures])
    names = [path.relative_to(pictures).as_posix() for path in paths]
    assert names == ["b/2.png", "a.PNG", "b/1.png", "b/2.png", "bad.jpg"]
    found = list(predict(load_published(model), paths, 1))
    assert [len(prediction.classes) for prediction in found] == [1, 1, 1, 1, 0]
    assert found[0].classes == found[3].classes
    assert "not an image" in found[4].error
    assert "bad.jpg  is not an image" in as_text(found)
    values = json.loads(as_json(found))
    assert values[4] == {"path": str(pictures / "bad.jpg"), "error": found[4].error}
    assert values[0]["classes"][0]["class"] in CLASSES


def test_batches_leave_no_trace(
    model: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published, paths = load_published(model), pictures_in([pictures])
    at_once = list(predict(published, paths, 2))
    monkeypatch.setattr("sjft.prediction.PICTURES_A_BATCH", 2)
    in_parts = list(predict(published, paths, 2))
    for one, other in zip(at_once, in_parts, strict=True):
        assert (one.path, one.error) == (other.path, other.error)
        np.testing.assert_allclose(
            [p for _, p in one.classes], [p for _, p in other.classes], rtol=1e-5
        )


def test_the_command_shows_a_table_or_json(
    model: Path, pictures: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", str(model), str(pictures / "a.PNG"), "--top", "2"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{pictures / 'a.PNG'}  ")
    assert text.count(" %") == 2
    assert main(["predict", str(model), str(pictures), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 4


def test_what_is_no_model_or_no_picture_is_named(model: Path, tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"no model")
    torch.save({"format": "other"}, tmp_path / "other.pt")
    (tmp_path / "empty").mkdir()
    for path, words in (
        (tmp_path / "none.pt", "there is no such file"),
        (tmp_path / "m.pt", "cannot be read as a model"),
        (tmp_path / "other.pt", "is no published model"),
    ):
        with pytest.raises(UserError, match=words):
            load_published(path)
    for path, words in (
        (tmp_path / "none.jpg", "no such file or folder"),
        (tmp_path / "empty", "no picture in this folder"),
    ):
        with pytest.raises(UserError, match=words):
            pictures_in([path])
