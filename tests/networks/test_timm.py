"""timm's networks, through the same door as torchvision's."""

import sys
from pathlib import Path

import pytest
import torch
from checked import TRAINING, of_answers
from published import CLASSES, publish
from rounds import batches, fit, state, torchvisions
from small import training_settings
from torch import nn

from sjft.cli.main import main
from sjft.errors import UserError
from sjft.model.export import export_model
from sjft.model.file import load_published
from sjft.networks.architecture import build, check_name, synchronise_norms
from sjft.networks.joint import continue_from, load_joint_network, plain_state, save_network
from sjft.networks.pretrained import load_network
from sjft.settings.banks.cnn import CnnBank
from sjft.settings.weights import FileWeights
from sjft.training.batch_norm import norms_of
from sjft.training.depth import layers_of_trunk

NAME = "timm/test_resnet"
FILE = FileWeights(source="file", path="w.pth")


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(UserError, match=r"need the package timm, not installed here.*\.\[timm\]"):
        check_name(NAME)
    (line,) = of_answers({f"{TRAINING}.network": NAME})
    assert line.startswith(f"{TRAINING}.network: networks that begin with `timm/` need the package")


def test_torchvision_publishes_no_weights_for_them() -> None:
    published = {"source": "torchvision", "name": "DEFAULT"}
    with pytest.raises(ValueError, match=r"torchvision publishes none for timm/test_resnet"):
        training_settings(network=NAME, weights=published)
    with pytest.raises(ValueError, match=r"Give `\{source: file"):
        CnnBank(type="cnn", network=NAME)


@pytest.fixture
def timm():
    return pytest.importorskip("timm", reason="the extra `timm` is not installed")


pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.usefixtures("timm")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnt18", r"timm has no network 'resnt18'\. Near it: timm/resnet18"),
        ("resnet18.a1_in1k", r"Write timm/resnet18: what follows the dot names weights"),
        ("hf-hub:timm/resnet18", "timm has no network 'hf-hub"),
    ],
)
def test_unknown_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_name(f"timm/{name}")


@pytest.mark.usefixtures("timm")
def test_a_network_of_two_classifiers_is_refused() -> None:
    with pytest.raises(UserError, match=r"gives its scores by \('head', 'head_dist'\)"):
        build("timm/efficientformerv2_s0", 3)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"])
def test_the_heads_stand_in_the_place_of_the_classifier(timm, name: str) -> None:
    network = torchvisions(f"timm/{name}")
    side = network.module.pretrained_cfg["input_size"][-1]
    images = torch.randn(2, 3, side, side)
    network.module.eval()
    with torch.inference_mode():
        scores = network.module(images)
        assert scores.shape == (2, 5)
        plain = timm.create_model(name, num_classes=2).eval()
        plain.load_state_dict(plain_state(network))
        torch.testing.assert_close(plain(images), scores[:, :2])
    parameters = [p for layer in layers_of_trunk(network) for p in layer]
    heads = list(network.heads.parameters())
    assert len(parameters) + len(heads) == len(list(network.module.parameters()))
    again = torchvisions(f"timm/{name}")
    assert all(torch.equal(tensor, state(again)[key]) for key, tensor in state(network).items())


@pytest.mark.usefixtures("timm")
def test_a_round_is_written_read_and_gone_on_from(tmp_path: Path) -> None:
    network = torchvisions(NAME)
    given = batches(2)
    for batch in given:
        batch.images.data = torch.randn(8, 3, 32, 32)
    fit(network, given, batch_norm="separate", layer_wise_decay=0.7)
    save_network(tmp_path / "m.pt", network, {})
    read = load_joint_network(tmp_path / "m.pt")
    assert all(torch.equal(tensor, state(network)[key]) for key, tensor in state(read).items())
    later = torchvisions(NAME)
    continue_from(later, read)
    assert all(torch.equal(tensor, state(network)[key]) for key, tensor in state(later).items())


def test_weights_come_from_a_file_with_the_classes_that_it_has(timm, tmp_path: Path) -> None:
    saved = timm.create_model("test_resnet", num_classes=7).state_dict()
    torch.save(saved, tmp_path / "w.pth")
    loaded = load_network(NAME, FILE, tmp_path / "w.pth").state_dict()
    assert loaded.keys() == saved.keys()
    assert all(torch.equal(loaded[name], saved[name]) for name in saved)
    torch.save(timm.create_model("test_vit").state_dict(), tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"weights of timm/test_resnet .* do not fit"):
        load_network(NAME, FILE, tmp_path / "w.pth")


@pytest.mark.usefixtures("timm")
def test_what_networks_say_is_asked_before_the_first_job() -> None:
    assert of_answers({f"{TRAINING}.network": NAME}) == []
    (line,) = of_answers({f"{TRAINING}.network": "timm/test_vit_relpos"})
    assert "cannot take images of" in line
    assert "Allowed: 160" in line


@pytest.mark.usefixtures("timm")
def test_norms_of_all_processes_keep_their_activations() -> None:
    network = torchvisions("timm/test_efficientnet")
    before = [norm for norm in norms_of(network.module) if not isinstance(norm.act, nn.Identity)]
    synchronise_norms(network.name, network.module)
    after = [norm for norm in norms_of(network.module) if not isinstance(norm.act, nn.Identity)]
    assert all(isinstance(norm, nn.SyncBatchNorm) for norm in norms_of(network.module))
    assert len(after) == len(before) > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["torchscript", "safetensors", "onnx"])
def test_a_published_model_predicts_and_is_exported(
    timm, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(tmp_path / "model.pt", NAME, side=48)
    model = load_published(tmp_path / "model.pt")
    assert model.facts["network"] == NAME
    assert model.facts["provenance"]["versions"]["timm"] == timm.__version__
    made = export_model(model, kind, tmp_path / f"m.{kind}")
    assert 0 <= made.difference <= 1e-4 * made.largest_score
    if kind == "torchscript":
        from image_files import random_image  # noqa: PLC0415

        random_image(0, (60, 50)).save(tmp_path / "photo.png")
        assert main(["predict", str(tmp_path / "model.pt"), str(tmp_path / "photo.png")]) == 0
        assert any(name in capsys.readouterr().out for name in CLASSES)


def test_the_cards_code_uses_timm(timm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from image_files import random_image  # noqa: PLC0415

    from sjft.model.card import _code  # noqa: PLC0415

    publish(tmp_path / "model.pt", NAME, side=48)
    random_image(0, (60, 50)).save(tmp_path / "photo.jpg")
    monkeypatch.chdir(tmp_path)
    code = _code(NAME)
    assert "timm.create_model" in code
    exec(code, {})
