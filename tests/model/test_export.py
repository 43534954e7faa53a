"""Export: other formats of a published model, and what they are checked for."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from published import CLASSES, publish
from safetensors import safe_open
from torch import Tensor

from sjft.cli.main import main
from sjft.errors import UserError
from sjft.model import export
from sjft.model.export import FORMATS, export_model
from sjft.model.file import PublishedModel, load_published

SIDE = 48


def published(folder: Path, name: str) -> PublishedModel:
    publish(folder / "model.pt", name, side=SIDE)
    return load_published(folder / "model.pt")


def inputs(batch: int) -> Tensor:
    return torch.randn(batch, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(batch))


def own_scores(model: PublishedModel, batch: int) -> Tensor:
    with torch.inference_mode():
        scores: Tensor = model.network(inputs(batch))
    return scores


def assert_same_facts(model: PublishedModel, text: str | bytes) -> None:
    facts = json.loads(text)
    assert facts == model.facts
    assert facts["classes"] == CLASSES


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "squeezenet1_1"])
def test_onnx_gives_the_models_scores_for_any_number_of_images(tmp_path: Path, name: str) -> None:
    model = published(tmp_path, name)
    made = export_model(model, "onnx", tmp_path / "m.onnx")
    assert 0 <= made.difference <= 1e-4 * made.largest_score
    onnx.checker.check_model(tmp_path / "m.onnx", full_check=True)
    session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
    for batch in (1, 5):
        (scores,) = session.run(["scores"], {"images": inputs(batch).numpy()})
        torch.testing.assert_close(torch.from_numpy(scores), own_scores(model, batch))
    assert_same_facts(model, session.get_modelmeta().custom_metadata_map["sjft"])
    # torch notes where in its own code each node comes from.
    assert str(Path(torch.__file__).parent).encode() not in (tmp_path / "m.onnx").read_bytes()


@pytest.mark.parametrize(
    "name", [pytest.param("resnet18", marks=pytest.mark.slow), "squeezenet1_1"]
)
@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_torchscript_gives_the_models_scores_without_torchvision(tmp_path: Path, name: str) -> None:
    model = published(tmp_path, name)
    export_model(model, "torchscript", tmp_path / "m")
    texts: dict[str, Any] = {"sjft": ""}
    module = torch.jit.load(tmp_path / "m", _extra_files=texts)
    for batch in (1, 5):
        torch.testing.assert_close(module(inputs(batch)), own_scores(model, batch))
    assert_same_facts(model, texts["sjft"])


@pytest.mark.parametrize(
    "name",
    [
        "squeezenet1_1",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("resnet18", "mnasnet0_5")),
    ],
)
def test_safetensors_hold_every_weight(tmp_path: Path, name: str) -> None:
    model = published(tmp_path, name)
    assert export_model(model, "safetensors", tmp_path / "m").difference == 0
    own = model.network.state_dict()
    with safe_open(tmp_path / "m", framework="pt") as file:
        assert set(file.keys()) == set(own)
        assert all(torch.equal(file.get_tensor(key), own[key]) for key in own)
        assert_same_facts(model, file.metadata()["sjft"])


# Not torchscript: torch numbers its classes within a process, so that a second one has other names.
@pytest.mark.slow
@pytest.mark.parametrize("name", ["onnx", "safetensors"])
def test_the_same_model_makes_the_same_bytes(tmp_path: Path, name: str) -> None:
    model = published(tmp_path, "squeezenet1_1")
    for path in ("one", "other"):
        export_model(model, name, tmp_path / path)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_a_file_whose_scores_are_off_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = published(tmp_path, "squeezenet1_1")

    def off(path: Path) -> Any:
        scores = FORMATS["safetensors"].load(path)
        return lambda images: scores(images) * (1.001 if len(images) == 3 else 1)

    wrong = dataclasses.replace(FORMATS["safetensors"], load=off)
    with monkeypatch.context() as patched:
        patched.setattr(export, "FORMATS", {"safetensors": wrong})
        with pytest.raises(UserError, match="scores differ from the model's"):
            export_model(model, "safetensors", tmp_path / "m")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_a_network_that_torch_cannot_export_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> None:
        raise torch.onnx.errors.OnnxExporterError("no such operator\nand much more")

    monkeypatch.setattr(torch.onnx, "export", refuse)
    with pytest.raises(UserError, match=r"squeezenet1_1 \(no such operator\). Try"):
        export_model(published(tmp_path, "squeezenet1_1"), "onnx", tmp_path / "m.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_weights_that_one_file_does_not_hold_are_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxscript")
    # What torch does above 1.5 GiB, whatever it is asked for.
    usual = torch.onnx.ONNXProgram.save

    def apart(program: Any, path: Any, **_: Any) -> None:
        usual(program, path, external_data=True)

    monkeypatch.setattr(torch.onnx.ONNXProgram, "save", apart)
    with pytest.raises(UserError, match="more weights than one file of the format holds"):
        export_model(published(tmp_path, "squeezenet1_1"), "onnx", tmp_path / "m.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_missing_packages_are_named_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = published(tmp_path, "squeezenet1_1")
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(UserError, match=r"needs onnxscript.*pip install --editable '.\[export\]'"):
        export_model(model, "onnx", tmp_path / "m.onnx")


def test_the_command_writes_beside_the_model_and_says_how_near_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    published(tmp_path, "squeezenet1_1")
    model = str(tmp_path / "model.pt")
    assert main(["export", model, "--format", "safetensors"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"{tmp_path / 'model.safetensors'}: 2.9 MB; scores of random images")
    assert "within 0.0e+00" in text
    assert main(["export", model, "--format", "safetensors", "--output", model]) == 1
    assert "is the model itself" in capsys.readouterr().err
    load_published(tmp_path / "model.pt")
    for name in FORMATS:  # the command lists them without loading torch
        with pytest.raises(SystemExit):
            main(["export", "--format", name, "--help"])
    assert f"{{{','.join(FORMATS)}}}" in capsys.readouterr().out
