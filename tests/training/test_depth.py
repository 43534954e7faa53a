"""Layers of the trunk, from the input to the heads, in torchvision's networks."""

import pytest
import torch
from rounds import torchvisions
from torchvision import models

from sjft.networks.joint import JointNetwork
from sjft.training.depth import layers_of_trunk


def named(network: JointNetwork) -> list[list[str]]:
    """The modules of each layer, by the first two parts of their names."""
    names = {id(p): name for name, p in network.module.named_parameters()}
    return [[names[id(p)] for p in layer] for layer in layers_of_trunk(network)]


def test_a_residual_network_has_its_stem_and_its_blocks() -> None:
    layers = named(torchvisions("resnet18"))
    blocks = [f"layer{stage}.{block}." for stage in (1, 2, 3, 4) for block in (0, 1)]
    assert layers[0] == ["conv1.weight", "bn1.weight", "bn1.bias"]
    assert len(layers) == 9
    for block, names in zip(blocks, layers[1:], strict=True):
        assert all(name.startswith(block) for name in names)


def test_a_transformer_has_its_patches_and_its_blocks() -> None:
    layers = named(torchvisions("vit_b_32"))
    assert len(layers) == 13
    patches = {"class_token", "encoder.pos_embedding", "conv_proj.weight", "conv_proj.bias"}
    assert set(layers[0]) == patches
    for block, names in enumerate(layers[1:]):
        own = f"encoder.layers.encoder_layer_{block}."
        others = [name for name in names if not name.startswith(own)]
        assert others == (["encoder.ln.weight", "encoder.ln.bias"] if block == 11 else [])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "number"),
    [("vgg11_bn", 10), ("squeezenet1_1", 9), ("shufflenet_v2_x0_5", 18), ("mobilenet_v2", 19)],
)
def test_layers_follow_the_order_of_use(name: str, number: int) -> None:
    network = torchvisions(name)
    layers = layers_of_trunk(network)
    assert len(layers) == number
    place = {id(p): depth for depth, layer in enumerate(layers) for p in layer}
    used: list[int] = []
    for module in network.module.modules():
        own = [place[id(p)] for p in module.parameters(recurse=False) if id(p) in place]
        module.register_forward_hook(lambda *_, own=own: used.extend(own))
    with torch.inference_mode():
        network.module.eval()(torch.rand(1, 3, 224, 224))
    assert used == sorted(used)
    assert set(used) == set(range(number))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["densenet121", "efficientnet_b0", "convnext_tiny", "swin_t", "regnet_y_400mf"]
)
def test_every_parameter_of_the_trunk_is_in_one_layer(name: str) -> None:
    assert name in models.list_models()
    network = torchvisions(name)
    heads = {id(p) for p in network.heads.parameters()}
    found = [id(p) for layer in layers_of_trunk(network) for p in layer]
    assert len(found) == len(set(found))
    assert set(found) == {id(p) for p in network.module.parameters()} - heads
    assert len(layers_of_trunk(network)) > 10
