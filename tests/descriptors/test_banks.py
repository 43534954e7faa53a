"""Filter banks against forward passes written out by hand."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from filter_banks import PUBLISHED, RANDOM, SMALL, agree, cnn, gabor, images, network, normalised
from PIL import Image
from torch.nn import functional as F

from sjft.descriptors.banks import make_bank
from sjft.descriptors.banks.cnn import CnnFilterBank
from sjft.descriptors.banks.gabor import GaborFilterBank, gabor_kernels
from sjft.errors import UserError
from sjft.settings.bank import CnnBank, GaborBank
from sjft.settings.base import IMAGENET_MEAN, IMAGENET_STD


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
    first, second = bank.responses(images(bank))
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


def test_images_are_resized_without_their_aspect_ratio_and_cropped_in_the_centre() -> None:
    bank = cnn("alexnet", "features.0", resize=80, crop=64)
    wide = Image.fromarray(np.arange(0, 240, dtype=np.uint8)[None].repeat(80, 0)).convert("RGB")
    prepared = bank.prepare(np.array(wide)).int()
    assert prepared.shape == (64, 64, 3)
    # 240 columns on 80: three a pixel; the crop leaves out eight pixels on either side.
    wanted = (3 * (8 + torch.arange(64)) + 1)[:, None]
    assert (prepared - wanted).abs().max() <= 1


def test_responses_do_not_depend_on_the_other_images_of_the_batch() -> None:
    bank = cnn("squeezenet1_1", "features.0")
    batch = images(bank, 3)
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
    refuse("crop: alexnet cannot take images of 8 px", "alexnet", "features.3", crop=8)


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
    batch = images(bank)
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


def test_a_bank_that_calls_its_layers_otherwise_than_its_settings_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(GaborBank, "layer_names", ("waves",))
    message = "type: the bank 'gabor' calls its layers gabor; `layer_names` of its settings .* wav"
    with pytest.raises(UserError, match=message):
        make_bank(gabor(), None)
