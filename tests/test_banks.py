"""Filter banks against forward passes written out by hand, and weights that do not fit."""

import math
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import random_picture
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from sjft.banks import CnnFilterBank, FilterBank, GaborFilterBank, gabor_kernels, make_bank
from sjft.errors import UserError
from sjft.settings.bank import CnnBank, GaborBank
from sjft.settings.base import IMAGENET_MEAN, IMAGENET_STD
from sjft.settings.weights import FileWeights, RandomWeights, TorchvisionWeights, Weights
from sjft.weights import classifier_name, digest_of_weights, load_network

RANDOM = RandomWeights(source="random", seed=3)
FILE = FileWeights(source="file", path="weights.pt")
PUBLISHED = TorchvisionWeights(source="torchvision", name="IMAGENET1K_V1")


def cnn(network: str, *layers: str, file: Path | None = None, **settings: Any) -> CnnFilterBank:
    values = {"resize": 72, "crop": 64, "weights": RANDOM, **settings}
    return CnnFilterBank(
        CnnBank.model_validate({"type": "cnn", "network": network, "layers": layers, **values}),
        file,
    )


def gabor(**settings: Any) -> GaborBank:
    return GaborBank.model_validate({"type": "gabor", "resize": 72, "crop": 64, **settings})


def noise(seed: int) -> np.ndarray:
    return np.array(random_picture(seed, (80, 60)))


def pictures(bank: FilterBank, number: int = 2) -> Tensor:
    return torch.stack([bank.prepare(noise(seed)) for seed in range(number)])


def normalised(bank: FilterBank) -> Tensor:
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return (pictures(bank).permute(0, 3, 1, 2).float() / 255 - mean) / std


def network(name: str) -> Any:
    return load_network(name, RANDOM, None).eval()


def agree(bank: CnnFilterBank, wanted: list[Tensor]) -> None:
    got = bank.responses(pictures(bank))
    assert len(got) == len(wanted) == len(bank.layers)
    for layer, one, other in zip(bank.layers, got, wanted, strict=True):
        assert one.dtype == torch.float32
        assert one.shape[1:] == (layer.kernels, layer.positions)
        torch.testing.assert_close(one, other.flatten(2), rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("activation", ["before", "after"])
def test_alexnet_gives_conv1_and_conv2_before_or_after_their_relu(activation: str) -> None:
    bank = cnn("alexnet", "features.0", "features.3", activation=activation)
    net = network("alexnet").features
    conv1 = F.conv2d(normalised(bank), net[0].weight, net[0].bias, stride=4, padding=2)
    pooled = F.max_pool2d(conv1.clamp(min=0), 3, 2)
    conv2 = F.conv2d(pooled, net[3].weight, net[3].bias, padding=2)
    wanted = [conv1, conv2] if activation == "before" else [conv1.clamp(min=0), conv2.clamp(min=0)]
    agree(bank, wanted)
    assert [(layer.name, layer.kernels) for layer in bank.layers] == [
        ("features.0", 64),
        ("features.3", 192),
    ]


@torch.no_grad()
def test_responses_before_a_relu_in_place_keep_their_negative_values() -> None:
    bank = cnn("alexnet", "features.0", "features.3", activation="before")
    first, second = bank.responses(pictures(bank))
    assert (first < 0).float().mean() > 0.2
    assert (second < 0).float().mean() > 0.2


@torch.no_grad()
@pytest.mark.parametrize("activation", ["before", "after"])
def test_squeezenet_gives_its_first_layer_and_a_branch(activation: str) -> None:
    bank = cnn("squeezenet1_1", "features.0", "features.3.expand3x3", activation=activation)
    net = network("squeezenet1_1").features
    conv = F.conv2d(normalised(bank), net[0].weight, net[0].bias, stride=2)
    pooled = F.max_pool2d(conv.clamp(min=0), 3, 2, ceil_mode=True)
    squeezed = F.conv2d(pooled, net[3].squeeze.weight, net[3].squeeze.bias).clamp(min=0)
    branch = F.conv2d(squeezed, net[3].expand3x3.weight, net[3].expand3x3.bias, padding=1)
    wanted = [conv, branch] if activation == "before" else [conv.clamp(min=0), branch.clamp(min=0)]
    agree(bank, wanted)


@torch.no_grad()
def test_a_relu_that_resnet_uses_twice_is_told_apart() -> None:
    bank = cnn("resnet18", "conv1", "layer1.0.conv1", "layer1.0.conv2", activation="after")
    net = network("resnet18")
    first = torch.relu(net.bn1(net.conv1(normalised(bank))))
    block, entry = net.layer1[0], net.maxpool(first.clone())
    inner = torch.relu(block.bn1(block.conv1(entry)))
    agree(bank, [first, inner, torch.relu(block.bn2(block.conv2(inner)) + entry)])


@torch.no_grad()
def test_sums_in_place_do_not_reach_the_responses_before_them() -> None:
    bank = cnn("resnet18", "layer1.0.bn2", "layer1.1.conv1", activation="before")
    net = network("resnet18")
    entry = net.maxpool(torch.relu(net.bn1(net.conv1(normalised(bank)))))
    block = net.layer1[0]
    normed = block.bn2(block.conv2(torch.relu(block.bn1(block.conv1(entry)))))
    agree(bank, [normed, net.layer1[1].conv1(torch.relu(normed + entry))])


@torch.no_grad()
def test_functional_relus_in_place_do_not_reach_the_responses_before_them() -> None:
    bank = cnn("googlenet", "conv1.bn", "conv2.conv", activation="before")
    net = network("googlenet")
    # Published weights of this network expect ImageNet's normalisation undone, to [-1, 1].
    mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
    inputs = (normalised(bank) * std.view(3, 1, 1) + mean.view(3, 1, 1) - 0.5) / 0.5
    normed = net.conv1.bn(net.conv1.conv(inputs))
    agree(bank, [normed, net.conv2.conv(net.maxpool1(torch.relu(normed)))])


def test_layers_come_in_the_order_of_the_settings() -> None:
    bank = cnn("alexnet", "features.3", "features.0")
    assert [layer.kernels for layer in bank.layers] == [192, 64]


def test_pictures_are_resized_without_their_aspect_ratio_and_cropped_in_the_centre() -> None:
    bank = cnn("alexnet", "features.0", resize=80, crop=64)
    wide = Image.fromarray(np.arange(0, 240, dtype=np.uint8)[None].repeat(80, 0)).convert("RGB")
    prepared = bank.prepare(np.array(wide)).int()
    assert prepared.shape == (64, 64, 3)
    # 240 columns on 80: three a pixel; the crop leaves out eight pixels on either side.
    wanted = (3 * (8 + torch.arange(64)) + 1)[:, None]
    assert (prepared - wanted).abs().max() <= 1


def test_responses_do_not_depend_on_the_other_pictures_of_the_batch() -> None:
    bank = cnn("squeezenet1_1", "features.0")
    batch = pictures(bank, 3)
    together = bank.responses(batch)[0]
    alone = torch.cat([bank.responses(batch[i : i + 1])[0] for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


def refuse(message: str, name: str, *layers: str, **settings: Any) -> None:
    with pytest.raises(UserError, match=message):
        cnn(name, *layers, **settings)


@pytest.mark.parametrize("weights", [RANDOM, PUBLISHED])
def test_an_unknown_network_is_named_with_those_near_it(weights: Any) -> None:
    refuse(
        r"no classification network 'alexnett'\. Near it: alexnet", "alexnett", "x", weights=weights
    )


def test_an_unknown_layer_is_named_with_the_convolutions() -> None:
    message = "alexnet has no module 'features.99'. Its convolutions: features.0, features.3"
    refuse(message, "alexnet", "features.0", "features.99")


def test_a_layer_without_response_maps_is_refused() -> None:
    refuse("'classifier.1' of alexnet is no stack of response maps", "alexnet", "classifier.1")


def test_two_layers_with_the_same_activation_are_refused() -> None:
    refuse("'conv1' and 'bn1'|'bn1' and 'conv1'", "resnet18", "conv1", "bn1")


def test_a_layer_that_no_activation_follows_is_refused() -> None:
    refuse("no activation follows 'classifier.6'", "alexnet", "classifier.6")


def test_a_crop_that_the_network_cannot_take_is_refused() -> None:
    refuse("crop: alexnet cannot take pictures of 8 px", "alexnet", "features.3", crop=8)


def test_random_weights_depend_on_their_seed_alone() -> None:
    torch.manual_seed(1)
    one = load_network("squeezenet1_1", RANDOM, None).state_dict()
    torch.manual_seed(2)
    same = load_network("squeezenet1_1", RANDOM, None).state_dict()
    other = load_network("squeezenet1_1", RandomWeights(source="random", seed=4), None).state_dict()
    assert all((one[name] == same[name]).all() for name in one)
    assert any((one[name] != other[name]).any() for name in one)


def test_random_weights_leave_the_generator_alone() -> None:
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    load_network("squeezenet1_1", RANDOM, None)
    assert (torch.rand(3) == wanted).all()


def test_digests_tell_weights_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    digests = [
        *(digest_of_weights(RandomWeights(source="random", seed=seed), None) for seed in (1, 2)),
        *(digest_of_weights(PUBLISHED, tmp_path / name) for name in ("a", "b")),
    ]
    assert len(set(digests)) == len(digests)
    assert digest_of_weights(FILE, tmp_path / "a") == digest_of_weights(PUBLISHED, tmp_path / "a")


SMALL = "squeezenet1_1"


def state(classes: int = 5, name: str = SMALL) -> dict[str, Tensor]:
    torch.manual_seed(9)
    return models.get_model(name, weights=None, num_classes=classes).state_dict()


def load(tmp_path: Path, content: Any, name: str = SMALL, weights: Weights = FILE) -> nn.Module:
    torch.save(content, tmp_path / "weights.pt")
    return load_network(name, weights, tmp_path / "weights.pt")


@pytest.mark.parametrize(
    "wrap",
    [
        lambda s: s,
        lambda s: {"state_dict": s, "epoch": 3},
        lambda s: {f"module.{name}": tensor for name, tensor in s.items()},
        lambda s: {"state_dict": {f"module.{name}": tensor for name, tensor in s.items()}},
    ],
    ids=["plain", "checkpoint", "parallel", "parallel checkpoint"],
)
def test_weights_are_read_from_files_of_several_forms(tmp_path: Path, wrap: Any) -> None:
    saved = state()
    loaded = load(tmp_path, wrap(saved)).state_dict()
    assert loaded.keys() == saved.keys()
    assert all((loaded[name] == saved[name]).all() for name in saved)


def test_the_classifier_has_as_many_classes_as_the_weights(tmp_path: Path) -> None:
    network = load(tmp_path, state(classes=7))
    assert classifier_name(network) == "classifier.1"
    assert network.classifier[1].weight.shape[0] == 7  # type: ignore[union-attr, index]


def test_files_of_before_batches_were_counted_are_taken(tmp_path: Path) -> None:
    old = {k: v for k, v in state(name="resnet18").items() if "num_batches_tracked" not in k}
    loaded = load(tmp_path, old, "resnet18").state_dict()
    assert all((loaded[name] == old[name]).all() for name in old)
    assert loaded["bn1.num_batches_tracked"] == 0


@pytest.mark.parametrize("name", ["googlenet", "inception_v3", "mnasnet0_5", "densenet121"])
def test_published_weights_are_taken_in_the_form_that_they_have(tmp_path: Path, name: str) -> None:
    """With auxiliary classifiers, layout versions, and the names of old layers."""
    saved = network(name).state_dict()
    old = re.compile(r"(denselayer\d+\.(?:norm|conv))(\d)")
    published = OrderedDict((old.sub(r"\1.\2", key), value) for key, value in saved.items())
    published._metadata = saved._metadata  # type: ignore[attr-defined]
    assert (published.keys() != saved.keys()) == (name == "densenet121")
    loaded = load(tmp_path, published, name, PUBLISHED).state_dict()
    assert loaded.keys() == saved.keys()
    assert all((loaded[key] == saved[key]).all() for key in saved)


def test_the_first_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    saved = state()
    del saved["features.0.bias"]
    saved["features.0.weight"] = saved["features.0.weight"][:, :2]
    saved["extra"] = torch.zeros(1)
    with pytest.raises(UserError) as error:
        load(tmp_path, saved)
    message = str(error.value)
    assert f"the weights of {SMALL} ({tmp_path / 'weights.pt'}) do not fit" in message
    assert "features.0.weight: has shape (64, 2, 3, 3), needs (64, 3, 3, 3)" in message
    assert "features.0.bias: missing" in message
    assert "extra: not in the network" in message


def test_weights_of_another_network_are_refused_in_a_few_lines(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"do not fit:(\n.*){5}\n  and \d+ more$"):
        load(tmp_path, state(name="resnet18"))


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 broken", bytes(999)])
def test_a_file_that_torch_cannot_read_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "weights.pt").write_bytes(content)
    with pytest.raises(UserError, match=r"weights\.pt is not a file of tensors"):
        load_network(SMALL, FILE, tmp_path / "weights.pt")


def test_a_truncated_file_of_weights_is_named(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "weights.pt")
    content = (tmp_path / "weights.pt").read_bytes()
    (tmp_path / "weights.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"weights\.pt is not a file of tensors"):
        load_network(SMALL, FILE, tmp_path / "weights.pt")


class Unwelcome:
    """Something that is no tensor and must not be unpickled."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (Unwelcome(), "weights_only=True"),
        ([torch.zeros(1)], "holds no state dictionary"),
        ({"weight": 3}, "holds no state dictionary"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(tmp_path, content)


def test_a_missing_file_of_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no file .*weights\.pt"):
        load_network(SMALL, FILE, tmp_path / "weights.pt")
    with pytest.raises(UserError, match=r"weights\.pt: cannot be read"):
        cnn(SMALL, "features.0", weights=FILE, file=tmp_path / "weights.pt")


@torch.no_grad()
def test_a_bank_measures_with_the_weights_of_a_file(tmp_path: Path) -> None:
    saved = state()
    torch.save(saved, tmp_path / "weights.pt")
    bank = cnn(SMALL, "features.0", weights=FILE, file=tmp_path / "weights.pt", activation="before")
    agree(
        bank,
        [
            F.conv2d(
                normalised(bank), saved["features.0.weight"], saved["features.0.bias"], stride=2
            )
        ],
    )


def test_gabor_has_48_filters_by_default() -> None:
    kernels = gabor_kernels(gabor())
    assert len(kernels) == 48
    (layer,) = GaborFilterBank(gabor(), None).layers
    side = 64 - kernels.shape[-1] + 1
    assert (layer.name, layer.kernels, layer.positions) == ("gabor", 48, side * side)


def test_gabor_kernels_are_those_of_the_formula() -> None:
    settings = gabor(scales=2, orientations=3)
    kernels = gabor_kernels(settings).double().numpy()[:, 0]
    radius = kernels.shape[-1] // 2
    for scale in range(2):
        wavelength = 4.0 * math.sqrt(2) ** scale
        for step in range(3):
            angle = math.pi * step / 3
            wave, envelope = np.zeros((2, *kernels.shape[1:])), np.zeros(kernels.shape[1:])
            for y in range(-radius, radius + 1):
                for x in range(-radius, radius + 1):
                    along = x * math.cos(angle) + y * math.sin(angle)
                    place = (y + radius, x + radius)
                    envelope[place] = math.exp(-(x * x + y * y) / (2 * (0.56 * wavelength) ** 2))
                    wave[0][place] = math.cos(2 * math.pi * along / wavelength)
                    wave[1][place] = math.sin(2 * math.pi * along / wavelength)
            envelope /= envelope.sum()
            for part in range(2):
                wanted = envelope * (wave[part] - (envelope * wave[part]).sum())
                np.testing.assert_allclose(kernels[6 * scale + 2 * step + part], wanted, atol=1e-8)


def test_gabor_filters_do_not_answer_to_brightness() -> None:
    assert gabor_kernels(gabor()).double().sum(dim=(1, 2, 3)).abs().max() < 1e-6
    bank = GaborFilterBank(gabor(), None)
    flat = bank.prepare(np.full((50, 50, 3), 200, np.uint8))[None]
    assert bank.responses(flat)[0].abs().max() < 1e-5


def test_gabor_responses_are_sums_over_the_window() -> None:
    bank = GaborFilterBank(gabor(scales=1, orientations=2), None)
    batch = pictures(bank)
    kernels = gabor_kernels(gabor(scales=1, orientations=2)).double().numpy()[:, 0]
    size = kernels.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(
        batch.numpy()[..., 0].astype(np.float64) / 255, (size, size), axis=(1, 2)
    )
    wanted = np.einsum("iyxab,kab->ikyx", windows, kernels).reshape(2, 4, -1)
    np.testing.assert_allclose(bank.responses(batch)[0].numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("scale", range(4))
@pytest.mark.parametrize("orientation", range(6))
def test_the_filter_of_a_grating_answers_strongest(scale: int, orientation: int) -> None:
    bank = GaborFilterBank(gabor(), None)
    wavelength, angle = 4 * math.sqrt(2) ** scale, math.pi * orientation / 6
    y, x = np.mgrid[:64, :64]
    wave = np.cos(2 * np.pi / wavelength * (x * np.cos(angle) + y * np.sin(angle)))
    grating = torch.from_numpy(np.rint(127.5 + 100 * wave).astype(np.uint8))[None, ..., None]
    energy = bank.responses(grating)[0].square().mean(dim=2).reshape(4, 6, 2).sum(dim=2)
    assert int(energy[scale].argmax()) == orientation
    assert int(energy[:, orientation].argmax()) == scale


def test_a_crop_smaller_than_the_gabor_kernel_is_refused() -> None:
    side = gabor_kernels(gabor()).shape[-1]
    assert GaborFilterBank(gabor(crop=side), None).layers[0].positions == 1
    with pytest.raises(UserError, match=f"crop: {side - 1} px are fewer than .* {side} px"):
        GaborFilterBank(gabor(crop=side - 1), None)


def test_a_bank_is_made_by_its_type() -> None:
    assert isinstance(make_bank(gabor(), None), GaborFilterBank)
    settings = CnnBank(type="cnn", network=SMALL, layers=("features.0",), weights=RANDOM)
    assert isinstance(make_bank(settings, None), CnnFilterBank)
