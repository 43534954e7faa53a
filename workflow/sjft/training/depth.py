"""Depth: the trunk's layers in the order in which an image meets them.

torchvision's networks have no list of their layers in common; their modules stand in the order in
which they are used. The trunk is taken apart into chains of modules (`Sequential`, lists of
modules), and where a part holds more than half of the trunk's parameters (a transformer's encoder,
say), into that part's own modules. What is not taken apart any further, a residual block or a
convolution, is one layer. Norms, and parameters that stand alone (tokens, embeddings), belong to
the layer before them, or to the first.
"""

from collections.abc import Iterator

from torch import nn

from sjft.networks.joint import JointNetwork

Layer = list[nn.Parameter]


def layers_of_trunk(network: JointNetwork) -> list[Layer]:
    """The parameters of each layer, from the input to the heads; each parameter is in one layer."""
    seen = {id(parameter) for parameter in network.heads.parameters()}
    trunk = sum(p.numel() for p in network.module.parameters() if id(p) not in seen)
    layers: list[Layer] = []
    waiting: Layer = []  # before the first layer
    for is_layer, parameters in _parts(network.module, trunk / 2):
        own = [p for p in parameters if id(p) not in seen]
        seen |= {id(p) for p in own}
        if is_layer and any(p.dim() > 1 for p in own):
            layers.append([*waiting, *own])
            waiting = []
        elif layers:
            layers[-1] += own
        else:
            waiting += own
    return [*layers, waiting] if waiting else layers


def _parts(module: nn.Module, most: float) -> Iterator[tuple[bool, Layer]]:
    """Parameters of a module that is taken apart, and whether they are those of one of its modules.

    What it holds itself comes first.
    """
    yield False, list(module.parameters(recurse=False))
    for child in module.children():
        parameters = list(child.parameters())
        is_large = sum(p.numel() for p in parameters) > most
        if list(child.children()) and (_is_chain(child) or is_large):
            yield from _parts(child, most)
        else:
            yield True, parameters


def _is_chain(module: nn.Module) -> bool:
    if isinstance(module, nn.Sequential):
        return type(module).forward is nn.Sequential.forward
    return isinstance(module, nn.ModuleList | nn.ModuleDict)
