"""Published weights: from a folder or a server of this machine, and always checked."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from server import Server, running_server
from torchvision import models

from sjft.errors import UserError
from sjft.networks import torchvision_weights as module
from sjft.networks.pretrained import load_network
from sjft.networks.torchvision_weights import fetch_weights, published_name
from sjft.settings.weights import TorchvisionWeights

NETWORK, NAME = "squeezenet1_1", "IMAGENET1K_V1"


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as running:
        yield running


@pytest.fixture
def content(tmp_path: Path) -> bytes:
    torch.save(models.get_model(NETWORK, num_classes=3).state_dict(), tmp_path / "saved")
    return (tmp_path / "saved").read_bytes()


@pytest.fixture
def name(content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The name under which torchvision would publish these weights; torch's cache is empty."""
    name = f"squeezenet1_1-{hashlib.sha256(content).hexdigest()[:8]}.pth"
    entry = SimpleNamespace(name=NAME, url=f"https://download.pytorch.org/models/{name}")
    monkeypatch.setattr(module.models, "get_model_weights", lambda _: {NAME: entry})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return name


def fetch(tmp_path: Path, server: Server) -> Path:
    output = tmp_path / "results/weights" / f"{NETWORK}-{NAME}.pth"
    output.parent.mkdir(parents=True, exist_ok=True)
    fetch_weights(NETWORK, NAME, output, tmp_path / "data", f"{server.url}/models/")
    assert {path.name for path in output.parent.iterdir()} == {output.name, f"{output.name}.digest"}
    return output


def test_weights_are_downloaded_from_the_configured_address(
    tmp_path: Path, server: Server, content: bytes, name: str
) -> None:
    server.add(f"models/{name}", content)
    path = fetch(tmp_path, server)
    assert path.read_bytes() == content
    weights = TorchvisionWeights(source="torchvision", name=NAME)
    network = load_network(NETWORK, weights, path)
    assert network.classifier[1].weight.shape[0] == 3  # type: ignore[union-attr, index]


@pytest.mark.parametrize("folder", ["data/weights", "torch/hub/checkpoints"])
def test_weights_that_are_on_this_machine_need_no_network(
    tmp_path: Path, server: Server, content: bytes, name: str, folder: str
) -> None:
    (tmp_path / folder).mkdir(parents=True)
    (tmp_path / folder / name).write_bytes(content)
    assert fetch(tmp_path, server).read_bytes() == content
    assert server.asked == []


def test_a_damaged_file_on_this_machine_is_not_used(
    tmp_path: Path,
    server: Server,
    content: bytes,
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "data/weights").mkdir(parents=True)
    (tmp_path / "data/weights" / name).write_bytes(content[:-1])
    server.add(f"models/{name}", content)
    assert fetch(tmp_path, server).read_bytes() == content
    assert any("it is not used" in line for line in caplog.messages)


def test_weights_with_the_wrong_checksum_are_refused(
    tmp_path: Path, server: Server, content: bytes, name: str
) -> None:
    server.add(f"models/{name}", content + b"more")
    with pytest.raises(UserError, match="has the checksum sha256:") as error:
        fetch(tmp_path, server)
    for word in (name, "weights_url", str(tmp_path / "data/weights"), "snakemake --cores 1"):
        assert word in str(error.value)
    assert not (tmp_path / "results/weights" / f"{NETWORK}-{NAME}.pth").exists()


def test_weights_that_nobody_has_are_explained(tmp_path: Path, server: Server, name: str) -> None:
    with pytest.raises(UserError, match="404") as error:
        fetch(tmp_path, server)
    for word in (f"{server.url}/models/{name}", "weights_url", str(tmp_path / "data/weights")):
        assert word in str(error.value)


def test_every_published_name_holds_a_checksum() -> None:
    for network in models.list_models(module=models):
        for entry in models.get_model_weights(network):
            name = published_name(network, entry.name)
            assert entry.url == f"https://download.pytorch.org/models/{name}"
            assert module.checksum_in(name) is not None, name
    assert module.checksum_in("alexnet-owt-7be5be79.pth") == "sha256:7be5be79"
    assert module.checksum_in("mnasnet0.5_top1_67.823-3ffadce67e.pth") == "sha256:3ffadce67e"
    assert module.checksum_in("alexnet.pth") is None


def test_unknown_networks_and_weights_are_named_with_those_there_are() -> None:
    with pytest.raises(UserError, match=r"no classification network 'alexnett'\. Near it: alexnet"):
        published_name("alexnett", NAME)
    message = "no weights 'IMAGENET1K_V9' for 'resnet50'; allowed: IMAGENET1K_V1, IMAGENET1K_V2"
    with pytest.raises(UserError, match=message):
        published_name("resnet50", "IMAGENET1K_V9")
