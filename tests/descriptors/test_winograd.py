"""Convolutions by tiles against torch's own in float64."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from sjft.descriptors import winograd
from sjft.descriptors.banks.cnn import CnnFilterBank
from sjft.descriptors.winograd import WinogradConvolution, can_replace
from sjft.settings.bank import CnnBank
from sjft.settings.weights import RandomWeights


def convolution(kernel: int, padding: int | tuple[int, int] = 0, **settings: object) -> nn.Conv2d:
    torch.manual_seed(0)
    channels = {"in_channels": 32, "out_channels": 48, **settings}
    return nn.Conv2d(kernel_size=kernel, padding=padding, **channels)  # type: ignore[arg-type]


def pixels(height: int, width: int, channels: int = 32) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    drawn = torch.randn(3, channels, height, width, generator=generator)
    return drawn.to(memory_format=torch.channels_last)


def exactly(of: nn.Conv2d, images: Tensor) -> Tensor:
    bias = None if of.bias is None else of.bias.double()
    return conv2d(images.double(), of.weight.double(), bias, padding=of.padding)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a direct convolution needs no more products."""
    monkeypatch.setattr(winograd, "LEAST_GAIN", 0)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("kernel", [2, 3, 5, 7])
@pytest.mark.parametrize("size", [(27, 27), (8, 8), (9, 40), (31, 12)])
@pytest.mark.parametrize("padding", [0, 2, (3, 1)])
@torch.inference_mode()
def test_responses_are_those_of_a_direct_convolution(
    kernel: int, size: tuple[int, int], padding: int | tuple[int, int]
) -> None:
    direct, images = convolution(kernel, padding), pixels(*size)
    wanted = exactly(direct, images)
    got = WinogradConvolution(direct)(images)
    assert got.dtype == torch.float32
    assert got.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(got.double(), wanted, rtol=0, atol=3e-5 * float(wanted.abs().max()))


@pytest.mark.usefixtures("always")
@torch.inference_mode()
def test_a_convolution_may_have_no_bias() -> None:
    direct, images = convolution(5, 2, bias=False), pixels(20, 20)
    wanted = exactly(direct, images)
    got = WinogradConvolution(direct)(images).double()
    torch.testing.assert_close(got, wanted, rtol=0, atol=3e-5 * float(wanted.abs().max()))


@pytest.mark.usefixtures("always")
@torch.inference_mode()
def test_neither_neighbours_nor_strips_change_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, images = WinogradConvolution(convolution(5, 2)), pixels(30, 21)
    together = ours(images)
    assert all(torch.equal(ours(images[i : i + 1])[0], together[i]) for i in range(3))
    monkeypatch.setattr(winograd, "BYTES_AT_ONCE", 1)  # one row of tiles at once
    torch.testing.assert_close(ours(images), together, rtol=0, atol=1e-6)


@torch.inference_mode()
def test_small_maps_are_convolved_directly() -> None:
    direct = convolution(5, in_channels=64, out_channels=192)
    images = pixels(5, 5, channels=64)
    assert can_replace(direct)
    assert torch.equal(WinogradConvolution(direct)(images), direct(images))


@pytest.mark.parametrize(
    "settings",
    [
        {"stride": 2},
        {"dilation": 2},
        {"groups": 2},
        {"padding_mode": "reflect"},
        {"padding": "same"},
        {"kernel_size": (5, 4)},
        {"kernel_size": 1},
        {"kernel_size": 2},
        {"kernel_size": 9},
        {"in_channels": 3},
        {"in_channels": 512, "out_channels": 512},
    ],
    ids=str,
)
def test_what_is_other_or_gains_nothing_stays_as_it_is(settings: dict[str, object]) -> None:
    usual = {"in_channels": 64, "out_channels": 192, "kernel_size": 5, "padding": 2}
    assert can_replace(nn.Conv2d(**usual))  # type: ignore[arg-type]
    assert not can_replace(nn.Conv2d(**{**usual, **settings}))  # type: ignore[arg-type]


def test_alexnet_s_second_layer_is_convolved_by_tiles() -> None:
    weights = RandomWeights(source="random", seed=0)
    bank = CnnFilterBank(CnnBank(type="cnn", network="alexnet", weights=weights), None)
    kinds = [type(module) for module in bank._extractor.modules()]
    assert kinds.count(WinogradConvolution) == 1
