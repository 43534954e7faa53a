"""Prediction: a published model on images, and what cannot be predicted."""

import io
import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from image_files import random_image, save_images
from published import publish
from torch import nn
from torchvision import models
from torchvision.transforms import v2

from sjft.cli.main import main
from sjft.errors import UserError
from sjft.model.file import PublishedModel, load_published, settings_of
from sjft.model.predict import Prediction, images_in, predictions
from sjft.model.predict_output import Form, written_as_they_come

CLASSES = ["cat", "dög", "eel"]
VIEWS = {"scales": [36, 44], "crops": "five", "mirror": True}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published model with random weights, evaluated on twenty views of an image."""
    path = tmp_path_factory.mktemp("model") / "model.pt"
    publish(path, "shufflenet_v2_x0_5", side=32, classes=CLASSES, evaluation=VIEWS)
    return path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of images, with one that is none."""
    save_images(tmp_path / "p", ["b/2.png", "a.PNG", "b/1.png"])
    (tmp_path / "p/bad.jpg").write_text("no image")
    (tmp_path / "p/notes.txt").write_text("no image either")
    return tmp_path / "p"


@pytest.mark.parametrize(
    "views",
    [
        {"scales": [40, 36], "crops": "centre", "mirror": False},
        {"scales": [36], "crops": "five", "mirror": False},
        {"scales": [36], "crops": "centre", "mirror": True},
    ],
)
def test_images_are_seen_in_the_views_and_by_the_channels_that_the_file_names(
    views: dict[str, Any],
) -> None:
    known = {"crop": 32, "mean": [0.1, 0.2, 0.3], "std": [0.4, 0.5, 0.6], **views}
    model = PublishedModel(nn.Identity(), {"preprocessing": known})
    evaluation, training = settings_of(model, 7)
    assert evaluation.model_dump(mode="json", include=set(views)) == views
    assert evaluation.batch == 7
    assert training.input_size == 32
    assert (training.mean, training.std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


@pytest.mark.parametrize("single", [True, False])
def test_predictions_are_those_of_plain_torchvision(
    model: Path, tmp_path: Path, single: bool
) -> None:
    random_image(4, (50, 41)).save(tmp_path / "a.png")
    published = load_published(model)
    (found,) = predictions(published, [tmp_path / "a.png"], 3, single_view=single)
    mean, std = published.preprocessing["mean"], published.preprocessing["std"]
    pixels = [v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)]
    crop = v2.CenterCrop(32) if single else v2.FiveCrop(32)
    views = []
    for scale in [36] if single else VIEWS["scales"]:
        crops = crop(v2.Resize(scale)(random_image(4, (50, 41))))
        views += [v2.Compose(pixels)(view) for view in ([crops] if single else crops)]
    if not single:
        views += [view.flip(-1) for view in views]
    assert len(views) == (1 if single else 20)
    with torch.no_grad():
        scores = published.network(torch.stack(views)).softmax(1).mean(0)
    order = scores.argsort(descending=True).tolist()
    assert [name for name, _ in found.classes] == [CLASSES[place] for place in order]
    np.testing.assert_allclose([p for _, p in found.classes], scores[order], rtol=1e-4)


def test_folders_are_searched_and_bad_images_said(model: Path, images: Path) -> None:
    paths, left_out = images_in([images / "b/2.png", images])
    (line,) = left_out
    assert line.startswith(f"{images}: left out: 1 file")
    assert line.endswith(": notes.txt")
    names = [path.relative_to(images).as_posix() for path in paths]
    assert names == ["b/2.png", "a.PNG", "b/1.png", "b/2.png", "bad.jpg"]
    found = list(predictions(load_published(model), [paths[-1], *paths], 1))
    assert [len(prediction.classes) for prediction in found] == [0, 1, 1, 1, 1, 0]
    assert found[1].classes == found[4].classes
    assert "not an image" in found[0].error
    values = json.loads(as_written("json", found))
    assert values[5] == {"path": str(images / "bad.jpg"), "error": found[5].error}
    assert values[1]["classes"][0]["class"] in CLASSES


def test_batches_leave_no_trace(model: Path, images: Path) -> None:
    published, (paths, _) = load_published(model), images_in([images])
    at_once = list(predictions(published, paths, 2))
    in_parts = list(predictions(published, paths, 2, batch=40))
    for one, other in zip(at_once, in_parts, strict=True):
        assert (one.path, one.error) == (other.path, other.error)
        np.testing.assert_allclose(
            [p for _, p in one.classes], [p for _, p in other.classes], rtol=1e-5
        )


THREE = [
    Prediction(Path("a.png"), [("cat", 1.0), ("eel", 0.0)]),
    Prediction(Path("longer.png"), [], "is not an image"),
    Prediction(Path("b.png"), [("dormouse", 0.514), ("cat", 0.0321)]),
]


def as_written(form: Form, predictions: list[Prediction], encoding: str = "utf-8") -> str:
    """What is written, as bytes of the encoding, and read as them."""
    content = io.BytesIO()
    file = io.TextIOWrapper(content, encoding, errors="backslashreplace")
    paths, names = [p.path for p in predictions], ["cat", "eel", "dormouse"]
    with written_as_they_come(form, file, paths, names) as write:
        for prediction in predictions:
            write(prediction)
    file.flush()
    return content.getvalue().decode(encoding)


def test_the_table_has_columns() -> None:
    assert as_written("text", THREE).splitlines() == [
        "a.png       cat      100.0 %  eel        0.0 %",
        "longer.png  is not an image",
        "b.png       dormouse  51.4 %  cat        3.2 %",
    ]


def test_a_class_whose_name_commands_the_terminal_is_escaped_there() -> None:
    odd = Prediction(Path("a.png"), [("rlo\u202egpj\x1b[2J", 0.5), ("cat", 0.25)])
    (line,) = as_written("text", [odd]).splitlines()
    assert line == "a.png  rlo\\u202egpj\\x1b[2J  50.0 %  cat       25.0 %"
    assert json.loads(as_written("json", [odd]))[0]["classes"][0]["class"] == "rlo\u202egpj\x1b[2J"


def test_a_list_in_json_is_as_if_written_at_once() -> None:
    values = [
        {
            "path": "a.png",
            "classes": [
                {"class": "cat", "probability": 1.0},
                {"class": "eel", "probability": 0.0},
            ],
        },
        {"path": "longer.png", "error": "is not an image"},
    ]
    assert as_written("json", THREE[:2]) == json.dumps(values, indent=2) + "\n"
    assert as_written("json", []) == "[]\n"
    lines = as_written("json-lines", THREE[:2]).splitlines()
    assert [json.loads(line) for line in lines] == values


ODD_NAMES = [
    b"\xff\xfe.png",
    "dög ✓.png".encode(),
    b"a\nb\tc.png",
    b'quo"te\\.png',
    b"\xe9t\xe9.png",
]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
def test_names_of_any_bytes_come_back_from_json(encoding: str) -> None:
    paths = [Path(os.fsdecode(name)) for name in ODD_NAMES]
    predictions = [Prediction(path, [("dög", 0.5)]) for path in paths]
    for text in (
        as_written("json", predictions, encoding),
        "[" + ",".join(as_written("json-lines", predictions, encoding).splitlines()) + "]",
    ):
        values = json.loads(text)
        assert [os.fsencode(value["path"]) for value in values] == ODD_NAMES
        assert values[0]["classes"][0]["class"] == "dög"
    table = as_written("text", predictions, encoding).splitlines()
    assert len(table) == len(ODD_NAMES)
    assert table[0].startswith("\\udcff\\udcfe.png  ")
    assert table[2].startswith("a\\nb\\tc.png  ")


def test_whatever_ends_the_work_the_list_is_closed() -> None:
    for error in (KeyboardInterrupt, ValueError, UserError):
        for number in range(3):
            file = io.StringIO()
            with (
                pytest.raises(error),
                written_as_they_come("json", file, [], []) as write,
            ):
                for prediction in THREE[:number]:
                    write(prediction)
                raise error
            assert len(json.loads(file.getvalue())) == number


def test_the_command_shows_a_table_or_json_and_fails_where_a_image_is_bad(
    model: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["predict", str(model)]
    assert main([*command, str(images / "a.PNG"), "--top", "2", "--device", "cpu"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{images / 'a.PNG'}  ")
    assert text.count(" %") == 2
    shown = []
    for views in ([], ["--single-view"]):
        assert main([*command, str(images / "a.PNG"), "--json", *views]) == 0
        shown.append(capsys.readouterr().out)
    assert shown[0] != shown[1]
    assert main([*command, str(images), "--json", "--batch", "1"]) == 1
    output = capsys.readouterr()
    assert [len(value.get("classes", [])) for value in json.loads(output.out)] == [3, 3, 3, 0]
    assert f"1 of 4 images could not be read: {images / 'bad.jpg'}" in output.err
    assert f"{images}: left out: 1 file" in output.err


def test_a_gpu_that_is_not_there_is_said(
    model: Path,
    images: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert main(["predict", str(model), str(images), "--device", "cuda"]) == 1
    assert "sjft: --device: `cuda` is asked for" in capsys.readouterr().err


def test_what_is_no_model_or_no_image_is_named(model: Path, tmp_path: Path) -> None:
    (tmp_path / "m.pt").write_bytes(b"no model")
    torch.save({"format": "other"}, tmp_path / "other.pt")
    torch.save({"format": "sjft-published-model", "format_version": 1}, tmp_path / "old.pt")
    (tmp_path / "empty").mkdir()
    for path, words in (
        (tmp_path / "none.pt", "there is no such file"),
        (tmp_path / "m.pt", "cannot be read as a model"),
        (tmp_path / "other.pt", "is no published model"),
        (
            tmp_path / "old.pt",
            "is of version 1, without .* reads 2 without and 3 with one. Publish it again",
        ),
    ):
        with pytest.raises(UserError, match=words):
            load_published(path)
    (tmp_path / "broken.jpg").symlink_to("none.jpg")
    for path, words in (
        (tmp_path / "none.jpg", "no such file or folder"),
        (tmp_path / "broken.jpg", "is a link that leads nowhere, to 'none.jpg'"),
        (tmp_path / "empty", "no image in this folder"),
    ):
        with pytest.raises(UserError, match=words):
            images_in([path])


def test_folders_are_walked_by_the_readers_rules(tmp_path: Path) -> None:
    top, elsewhere = tmp_path / "p", tmp_path / "elsewhere"
    save_images(
        top, ["a.png", ".hidden/b.png", "@eaDir/c.png", "x/.d.png", "x/e.png", "__MACOSX/f.png"]
    )
    save_images(elsewhere, ["g.png", "h/i.png"])
    (top / "linked").symlink_to(elsewhere)
    (top / "x/loop").symlink_to(top)
    (top / "dangling.png").symlink_to("nowhere.png")
    (top / "file.png").symlink_to(elsewhere / "g.png")
    os.mkfifo(top / "pipe.jpg")
    (top / "phone.heic").write_bytes(b"x")
    paths, left_out = images_in([top])
    names = [path.relative_to(top).as_posix() for path in paths]
    assert names == ["a.png", "file.png", "linked/g.png", "linked/h/i.png", "x/e.png"]
    told = " ".join(left_out)
    for name in ("@eaDir", ".hidden", "dangling.png", "pipe.jpg", "phone.heic", "x/loop", ".d.png"):
        assert name in told
    assert images_in([top / ".hidden/b.png", top / ".hidden"])[0] == [top / ".hidden/b.png"] * 2


def test_an_empty_folder_says_what_was_left_out(tmp_path: Path) -> None:
    (tmp_path / "phone.heic").write_bytes(b"x")
    with pytest.raises(UserError, match=r"there is no image in this folder. Left out: 1 .*heic"):
        images_in([tmp_path])


def test_special_files_and_long_images_are_answered_at_once(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    random_image(1, (60_000, 1)).save(tmp_path / "long.png")
    random_image(1, (100, 200)).save(tmp_path / "a.png")
    os.mkfifo(tmp_path / "pipe.jpg")
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(3 * 10**9)
    names = ["long.png", "a.png", "pipe.jpg", "sparse.jpg"]
    command = ["predict", str(model), *(str(tmp_path / name) for name in names), "--json"]
    assert main([*command, "--largest-image", "0.07"]) == 1
    output = capsys.readouterr()
    errors = [value.get("error", "") for value in json.loads(output.out)]
    assert errors[:2] == ["", ""]
    assert "a named pipe" in errors[2]
    assert "3,000.0 MB; the limit `largest_file` is 500" in errors[3]
    assert "2 of 4 images could not be read" in output.err
    assert main([*command, "--largest-image", "0.01", "--largest-file", "1"]) == 1
    errors = [value.get("error", "") for value in json.loads(capsys.readouterr().out)]
    assert "60000 x 1 pixels are 0.06 megapixels; the limit `largest_image` is 0.01" in errors[0]
    assert "the limit `largest_image` is 0.01" in errors[1]
    assert "the limit `largest_file` is 1" in errors[3]
    assert main([*command, "--largest-image", "0"]) == 1
    assert "--largest-image: Input should be greater than 0" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["--json", "--json-lines", None])
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_results_come_batch_by_batch_and_none_is_lost(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    form: str | None,
    ending: signal.Signals,
) -> None:
    save_images(tmp_path, [f"{i}.png" for i in range(5)])
    load, seen = torch.nn.Module.__call__, []
    # As in a terminal, also where `nohup` has the tests' own process ignore SIGHUP.
    usual = signal.default_int_handler if ending == signal.SIGINT else signal.SIG_DFL
    before = signal.signal(ending, usual)

    def interrupted(module: torch.nn.Module, *arguments: object) -> object:
        if isinstance(module, models.ShuffleNetV2):
            seen.append(capsys.readouterr().out)
            if len(seen) == 4:
                assert signal.getsignal(ending) != signal.SIG_DFL
                signal.raise_signal(ending)
        return load(module, *arguments)

    monkeypatch.setattr(torch.nn.Module, "__call__", interrupted)
    command = ["predict", str(model), str(tmp_path), "--batch", "1", "--single-view"]
    command += [form] if form else []
    try:
        assert main(command) == 130
        assert signal.getsignal(ending) == usual
    finally:
        signal.signal(ending, before)
    output = capsys.readouterr()
    assert "sjft: interrupted after 3 of 5 images" in output.err
    assert [("0.png" in text, f"{n}.png" in text) for n, text in enumerate(seen[1:3])] == [
        (True, True),
        (False, True),
    ]
    written = "".join(seen) + output.out
    if form == "--json":
        assert [Path(value["path"]).name for value in json.loads(written)] == [
            "0.png",
            "1.png",
            "2.png",
        ]
    else:
        assert len(written.splitlines()) == 3


def on_ascii_terminal(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    """What a command writes to a terminal that knows ASCII alone."""
    content = io.BytesIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(content, "ascii", write_through=True))
        assert main(arguments) == 0
        return content.getvalue().decode("ascii")


@pytest.mark.parametrize("form", ["--json", "--json-lines", None])
def test_no_name_ends_the_work_on_a_terminal_of_ascii(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str | None
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    random_image(1).save(tmp_path / "a.png")
    for name in ODD_NAMES:
        (folder / os.fsdecode(name)).write_bytes((tmp_path / "a.png").read_bytes())
    options = [form] if form else []
    text = on_ascii_terminal(monkeypatch, "predict", str(model), str(folder), *options)
    if form:
        values = json.loads(text if form == "--json" else f"[{','.join(text.splitlines())}]")
        found = {os.fsencode(Path(value["path"]).name) for value in values}
        assert found == set(ODD_NAMES)
        assert {value["classes"][0]["class"] for value in values} <= set(CLASSES)
    else:
        assert text.count("\n") == len(ODD_NAMES)
        assert r"\xf6" in text


def test_other_commands_write_to_a_terminal_of_ascii_too(
    model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert r"d\xf6g" in on_ascii_terminal(monkeypatch, "inspect", str(model))
