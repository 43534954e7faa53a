"""The kernels of chosen layers of a network as a filter bank."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.models.feature_extraction import NodePathTracer, create_feature_extractor

from sjft.descriptors.banks.bank import CPU, FULL_PRECISION, as_floats, as_images, resized
from sjft.descriptors.layer import Layer
from sjft.descriptors.winograd import replace_convolutions
from sjft.errors import UserError
from sjft.networks.pretrained import digest_of_weights, load_network
from sjft.settings.banks.cnn import CnnBank

ACTIVATIONS = frozenset(
    {
        *("relu", "relu_", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish"),
        *("hardswish", "hardsigmoid", "hardtanh", "sigmoid", "tanh", "softplus"),
    }
)
WRITE_ELSEWHERE = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


class CnnFilterBank:
    """Responses of named modules of any torchvision network.

    Raises `UserError` for a network, weights, a layer or a crop that cannot be used.
    """

    def __init__(self, settings: CnnBank, weights: Path | None, device: torch.device = CPU) -> None:
        """Build the part of the network that ends with the last of the layers."""
        self._settings = settings
        self.device = device
        self.digest_of_weights = digest_of_weights(settings.weights, weights)
        network = load_network(settings.network, settings.weights, weights).eval()
        # Faster on every device, and a position's responses then lie side by side for counting.
        network = network.to(device).to(memory_format=torch.channels_last)
        self._extractor = _extractor(network, settings)
        if device.type == "cpu":  # a GPU's library has its own way
            replace_convolutions(self._extractor)
        # (x / 255 - mean) / std as one product and one sum, along whole rows of pixels.
        std = torch.tensor(settings.std, dtype=torch.float64)
        shift = -torch.tensor(settings.mean, dtype=torch.float64) / std
        self._scale = (1 / (255 * std)).float().repeat(settings.crop).to(device)
        self._shift = shift.float().repeat(settings.crop).to(device)
        blank = torch.zeros(1, settings.crop, settings.crop, 3, dtype=torch.uint8)
        try:
            responses = self.responses(blank)
        except RuntimeError as error:
            raise UserError(
                f"crop: {settings.network} cannot take images of {settings.crop} px "
                f"({str(error).splitlines()[0]}). Enlarge `crop`."
            ) from None
        self.layers = tuple(
            Layer(name, *r.shape[1:]) for name, r in zip(settings.layers, responses, strict=True)
        )

    def prepare(self, pixels: NDArray[np.uint8]) -> Tensor:
        """See `FilterBank`."""
        return resized(pixels, self._settings.resize, self._settings.crop)

    @torch.inference_mode()
    @FULL_PRECISION
    def responses(self, images: Tensor) -> list[Tensor]:
        """See `FilterBank`."""
        rows = as_floats(images, self.device)
        torch.addcmul(self._shift, rows, self._scale, out=rows)
        outputs = self._extractor(as_images(rows, 3))
        for name in self._settings.layers:
            if outputs[name].ndim != 4:
                raise UserError(
                    f"layers: the output of {name!r} of {self._settings.network} is no stack of "
                    f"response maps (shape {tuple(outputs[name].shape)}). Name a convolution."
                )
        return [outputs[name].flatten(2) for name in self._settings.layers]


def _extractor(network: nn.Module, settings: CnnBank) -> torch.fx.GraphModule:
    """The network cut off behind its last wanted response, giving responses by layer name."""
    modules = dict(network.named_modules())
    unknown = [name for name in settings.layers if name not in modules or not name]
    if unknown:
        convolutions = [n for n, m in modules.items() if isinstance(m, nn.Conv2d)]
        raise UserError(
            f"layers: {settings.network} has no module {unknown[0]!r}. Its convolutions: "
            f"{', '.join(convolutions[:12])}{', ...' if len(convolutions) > 12 else ''}."
        )
    nodes: dict[str, str] = {}
    for name in settings.layers:
        node = name if settings.activation == "before" else _activation_after(network, name)
        if node in nodes:
            raise UserError(f"layers: {name!r} and {nodes[node]!r} have the same activation.")
        nodes[node] = name
    extractor: torch.fx.GraphModule = create_feature_extractor(
        network, nodes, suppress_diff_warning=True
    )
    _copy_outputs(extractor)
    return extractor


def _copy_outputs(extractor: torch.fx.GraphModule) -> None:
    """Copy the responses that a later operation in place could overwrite, where they arise."""
    output = extractor.graph.output_node()
    responses: dict[str, torch.fx.Node] = output.args[0]  # type: ignore[assignment]
    kept: dict[str, torch.fx.Node] = {}
    for name, node in responses.items():
        kept[name] = node
        if not all(_leaves_alone(extractor, user) for user in node.users):
            with extractor.graph.inserting_after(node):
                kept[name] = extractor.graph.call_function(torch.clone, (node,))
    output.args = (kept,)
    extractor.recompile()


def _leaves_alone(extractor: torch.fx.GraphModule, user: torch.fx.Node) -> bool:
    """Whether a node is known to write into new memory, and not to hand on its input's."""
    if user.op == "call_module":
        return isinstance(extractor.get_submodule(str(user.target)), WRITE_ELSEWHERE)
    return user.op == "output"


def _activation_after(network: nn.Module, layer: str) -> str:
    """Name of the graph's first activation at or behind a layer, in the order of the pass.

    The whole graph is named by `create_feature_extractor`'s own tracer, so that reused modules
    (ResNet's `relu`) have distinct names.
    """
    tracer = NodePathTracer()
    graph = tracer.trace(network)
    modules = dict(network.named_modules())
    reached = False
    for node in graph.nodes:
        name: str = tracer.node_to_qualname.get(node, "")
        reached = reached or name == layer or name.startswith(f"{layer}.")
        if reached and node.op == "call_module":
            kind = type(modules[str(node.target)])
            if kind.__module__ == "torch.nn.modules.activation":
                return name
        elif reached and getattr(node.target, "__name__", node.target) in ACTIVATIONS:
            return name
    raise UserError(
        f"layers: no activation follows {layer!r}. Set the bank's `activation: before`."
    )


BANK, SETTINGS = CnnFilterBank, CnnBank
