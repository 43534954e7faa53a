"""The evidence's ResNets: that torchvision's network computes what the published one does."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from chain import REPOSITORY
from torch import Tensor
from torchvision.models import resnet50, resnet152

sys.path.insert(0, str(REPOSITORY / "benchmarks"))

import evidence_weights
from evidence_weights import Arrays, read_shards, resnet50_of_keras, resnet152_grown

# (name, size, inputs, outputs) of every convolution of the ResNet-50, as He et al. name them.
STAGES = {"2": ("abc", 64), "3": ("abcd", 128), "4": ("abcdef", 256), "5": ("abc", 512)}


def convolutions() -> Iterator[tuple[str, int, int, int]]:
    yield "conv1", 7, 3, 64
    inputs = 64
    for stage, (blocks, width) in STAGES.items():
        for block in blocks:
            yield f"res{stage}{block}_branch2a", 1, inputs, width
            yield f"res{stage}{block}_branch2b", 3, width, width
            yield f"res{stage}{block}_branch2c", 1, width, 4 * width
            if block == "a":
                yield f"res{stage}a_branch1", 1, inputs, 4 * width
            inputs = 4 * width


def norm_of(convolution: str) -> str:
    return "bn_conv1" if convolution == "conv1" else convolution.replace("res", "bn", 1)


@pytest.fixture(scope="module")
def arrays() -> Arrays:
    draw = np.random.default_rng(0)
    made = {}
    for name, size, inputs, outputs in convolutions():
        scale = np.sqrt(2 / (size * size * inputs)) / (60 if name == "conv1" else 1)
        kernel = scale * draw.standard_normal((size, size, inputs, outputs))
        made[f"{name}/kernel"] = kernel.astype(np.float16).astype(np.float32)
        made[f"{name}/bias"] = draw.normal(0, 0.3, outputs).astype(np.float32)
        for part, low, high in (
            ("gamma", 0.3, 0.9),
            ("beta", -0.2, 0.2),
            ("moving_mean", -0.2, 0.2),
            # Small beside 0.001, which is added to it.
            ("moving_variance", 0.001, 1.5),
        ):
            made[f"{norm_of(name)}/{part}"] = draw.uniform(low, high, outputs).astype(np.float32)
    head = draw.standard_normal((2048, 1000)) / 40
    made["fc1000/kernel"] = head.astype(np.float16).astype(np.float32)
    made["fc1000/bias"] = draw.standard_normal(1000).astype(np.float32)
    return made


def published_network(arrays: Arrays, images: Tensor) -> Tensor:
    """The scores as Keras has them, float64, but for the place where a stage halves the size.

    ``images`` are (N, 3, H, W) of 0 to 1, red first.
    """
    held = {name: torch.from_numpy(values).double() for name, values in arrays.items()}

    def layer(x: Tensor, name: str, stride: int = 1) -> Tensor:
        kernel = held[f"{name}/kernel"].permute(3, 2, 0, 1)
        x = F.conv2d(x, kernel, held[f"{name}/bias"], stride, kernel.shape[-1] // 2)
        mean, variance, gamma, beta = (
            held[f"{norm_of(name)}/{part}"]
            for part in ("moving_mean", "moving_variance", "gamma", "beta")
        )
        return F.batch_norm(x, mean, variance, gamma, beta, eps=1e-3)

    x = 255 * images.double().flip(1) - torch.tensor([103.53, 116.28, 123.675])[:, None, None]
    x = F.max_pool2d(layer(x, "conv1", 2).relu(), 3, 2, 1)
    for stage, (blocks, _) in STAGES.items():
        for block in blocks:
            stride, name = (2 if block == "a" and stage != "2" else 1), f"res{stage}{block}_branch"
            beside = layer(x, f"{name}1", stride) if block == "a" else x
            inner = layer(layer(x, f"{name}2a").relu(), f"{name}2b", stride).relu()
            x = (beside + layer(inner, f"{name}2c")).relu()
    return x.mean((2, 3)) @ held["fc1000/kernel"] + held["fc1000/bias"]


def normalised(images: Tensor) -> Tensor:
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (images - mean[:, None, None]) / deviation[:, None, None]


def write_package(folder: Path, arrays: Arrays, shards: int = 3) -> None:
    content = b"".join(values.tobytes() for values in arrays.values())
    paths = [f"group1-shard{number + 1}of{shards}.bin" for number in range(shards)]
    (folder / "ResNet50").mkdir()
    ends = [len(content) * number // shards for number in range(shards + 1)]
    for path, start, end in zip(paths, ends[:-1], ends[1:], strict=True):
        (folder / "ResNet50" / path).write_bytes(content[start:end])
    weights = [{"name": n, "shape": list(v.shape), "dtype": "float32"} for n, v in arrays.items()]
    manifest = {"weightsManifest": [{"paths": paths, "weights": weights}]}
    (folder / "ResNet50" / "model.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_both_networks_score_images_as_the_published_one_does(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arrays: Arrays
) -> None:
    write_package(tmp_path, arrays)
    monkeypatch.setattr("sys.argv", ["evidence_weights.py", str(tmp_path), str(tmp_path)])
    evidence_weights.main()
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    wanted = published_network(arrays, images)
    assert wanted.std() > 0.1
    for name, build in (("resnet50_keras", resnet50), ("resnet152_grown", resnet152)):
        network = build()
        network.load_state_dict(torch.load(tmp_path / f"{name}.pth"))
        with torch.inference_mode():
            found = network.double().eval()(normalised(images.double()))
        # The first layer's weights are scaled before they are rounded to 16 bits.
        assert (found - wanted).abs().max() < 0.02 * wanted.std()


def test_blocks_that_are_put_in_weigh_nothing_at_first_and_can_learn(arrays: Arrays) -> None:
    shallow = resnet50_of_keras(arrays)
    deep = resnet152_grown(shallow)
    assert all(torch.equal(deep[name], value) for name, value in shallow.items())
    added = [n for n in deep if n.endswith("bn3.weight") and n not in shallow]
    assert len(added) == 34
    assert not any(deep[name].any() for name in added)
    assert all(deep[n.replace("bn3", "conv3")].std() > 0 for n in added)
    again, other = resnet152_grown(shallow), resnet152_grown(shallow, seed=1)
    assert all(torch.equal(again[name], value) for name, value in deep.items())
    assert not torch.equal(other["layer3.35.conv1.weight"], deep["layer3.35.conv1.weight"])


@pytest.mark.parametrize("change", [-4, 4])
def test_shards_of_another_size_than_model_json_tells_are_refused(
    tmp_path: Path, change: int
) -> None:
    write_package(tmp_path, {"a/kernel": np.ones((2, 3), np.float32)}, shards=1)
    shard = tmp_path / "ResNet50" / "group1-shard1of1.bin"
    content = shard.read_bytes()
    shard.write_bytes(content[:change] if change < 0 else content + bytes(change))
    with pytest.raises(ValueError, match="a/kernel is cut off" if change < 0 else "4 bytes more"):
        read_shards(tmp_path / "ResNet50")


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *given: Path
) -> str:
    monkeypatch.setattr("sys.argv", ["evidence_weights.py", *map(str, given)])
    with pytest.raises(SystemExit):
        evidence_weights.main()
    assert not list(given[0].glob("*.pth"))
    return capsys.readouterr().err


def test_another_package_or_half_of_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_package(tmp_path, {"a/kernel": np.ones((2, 3), np.float32)}, shards=1)
    told = refused(monkeypatch, capsys, tmp_path, tmp_path)
    assert "not the package, or it is damaged: 'conv1/kernel'" in told
    told = refused(monkeypatch, capsys, tmp_path, tmp_path / "none")
    assert f"no folder {tmp_path / 'none'}\n" in told
    (tmp_path / "ResNet50" / "group1-shard1of1.bin").unlink()
    assert "No such file" in refused(monkeypatch, capsys, tmp_path, tmp_path)


def test_a_folder_without_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = refused(monkeypatch, capsys, tmp_path, tmp_path)
    assert f"no file {tmp_path / 'ResNet50' / 'model.json'}\n" in told
