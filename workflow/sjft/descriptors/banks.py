"""Filter banks: from pictures to responses (paper, section 3.2).

A bank is a class in `BANKS`, found by the `type` of its settings.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision.models.feature_extraction import NodePathTracer, create_feature_extractor
from torchvision.transforms.v2 import functional as transforms

from sjft.descriptors.layer import Layer
from sjft.descriptors.winograd import replace_convolutions
from sjft.errors import UserError
from sjft.networks.pretrained import digest_of_weights, load_network
from sjft.settings.bank import BankSettings, CnnBank, GaborBank

ACTIVATIONS = frozenset(
    {
        *("relu", "relu_", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish"),
        *("hardswish", "hardsigmoid", "hardtanh", "sigmoid", "tanh", "softplus"),
    }
)


CPU = torch.device("cpu")
# A GPU's convolutions would else round their inputs to 10 bits, and the same way not every time.
FULL_PRECISION = torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)
WRITE_ELSEWHERE = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


class FilterBank(Protocol):
    """What extraction needs of a bank."""

    layers: tuple[Layer, ...]
    digest_of_weights: str
    device: torch.device  # where responses are computed

    def prepare(self, pixels: NDArray[np.uint8]) -> Tensor:
        """RGB pixels, uint8 [height, width, 3], as uint8 [crop, crop, channels], resized."""

    def responses(self, pictures: Tensor) -> list[Tensor]:
        """Responses of each layer, float32 [images, kernels, positions], of prepared pictures.

        Pictures, uint8 [images, crop, crop, channels], may be anywhere; the responses are on the
        bank's device.
        """


def _prepare(pixels: NDArray[np.uint8], resize: int, crop: int) -> Tensor:
    picture = torch.from_numpy(pixels).permute(2, 0, 1)
    resized = transforms.resize(picture, [resize, resize], antialias=True)
    # Channels stay the last in memory, as they come and as convolutions take them.
    cropped: Tensor = transforms.center_crop(resized, [crop, crop]).permute(1, 2, 0)
    return cropped


def _as_floats(pictures: Tensor, device: torch.device) -> Tensor:
    """Pictures as float32 [images, side, side * channels]: one row of numbers a row of pixels."""
    return pictures.to(device, non_blocking=True).flatten(2).float()


def _as_images(rows: Tensor, channels: int) -> Tensor:
    """What `_as_floats` gave, as [images, channels, side, side] with the channels last."""
    return rows.view(*rows.shape[:2], -1, channels).permute(0, 3, 1, 2)


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
                f"crop: {settings.network} cannot take pictures of {settings.crop} px "
                f"({str(error).splitlines()[0]}). Enlarge `crop`."
            ) from None
        self.layers = tuple(
            Layer(name, *r.shape[1:]) for name, r in zip(settings.layers, responses, strict=True)
        )

    def prepare(self, pixels: NDArray[np.uint8]) -> Tensor:
        """See `FilterBank`."""
        return _prepare(pixels, self._settings.resize, self._settings.crop)

    @torch.inference_mode()
    @FULL_PRECISION
    def responses(self, pictures: Tensor) -> list[Tensor]:
        """See `FilterBank`."""
        rows = _as_floats(pictures, self.device)
        torch.addcmul(self._shift, rows, self._scale, out=rows)
        outputs = self._extractor(_as_images(rows, 3))
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


class GaborFilterBank:
    """Zero-mean Gabor filters on the grey image; responses only where the kernel fits wholly.

    g(x, y) = exp(-(x'^2 + y'^2) / (2 s^2)) * (exp(2 pi i x' / w) - k), with x' along the
    direction, wavelength w, s = 0.56 w (a bandwidth of one octave), k such that the kernel sums
    to 0, and the envelope summing to 1.
    """

    digest_of_weights: str = ""
    layers: tuple[Layer, ...]

    def __init__(
        self, settings: GaborBank, weights: Path | None, device: torch.device = CPU
    ) -> None:
        """Make the kernels; ``weights`` is not used, the bank needs none."""
        self._settings = settings
        self.device = device
        self._kernels = gabor_kernels(settings).to(device)
        if settings.crop < self._kernels.shape[-1]:
            raise UserError(
                f"crop: {settings.crop} px are fewer than the largest Gabor kernel's side, "
                f"{self._kernels.shape[-1]} px. Enlarge `crop`, or take fewer or shorter "
                "wavelengths."
            )
        side = settings.crop - self._kernels.shape[-1] + 1
        self.layers = (Layer("gabor", len(self._kernels), side * side),)

    def prepare(self, pixels: NDArray[np.uint8]) -> Tensor:
        """See `FilterBank`."""
        grey = np.array(Image.fromarray(pixels).convert("L"))[:, :, None]
        return _prepare(grey, self._settings.resize, self._settings.crop)

    @torch.inference_mode()
    @FULL_PRECISION
    def responses(self, pictures: Tensor) -> list[Tensor]:
        """See `FilterBank`."""
        grey = _as_images(_as_floats(pictures, self.device).div_(255), 1)
        return [F.conv2d(grey, self._kernels).flatten(2)]


def gabor_kernels(settings: GaborBank) -> Tensor:
    """All kernels as float32 [2 * scales * orientations, 1, side, side], real before imaginary.

    In the order scale, orientation, part; ``side`` is that of the longest wavelength.
    """
    wavelengths = [
        settings.shortest_wavelength * settings.wavelength_factor**scale
        for scale in range(settings.scales)
    ]
    radius = math.ceil(2.5 * 0.56 * wavelengths[-1])
    axis = torch.arange(-radius, radius + 1, dtype=torch.float64)
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    kernels = []
    for wavelength in wavelengths:
        envelope = torch.exp(-(x**2 + y**2) / (2 * (0.56 * wavelength) ** 2))
        envelope = envelope / envelope.sum()
        for step in range(settings.orientations):
            angle = math.pi * step / settings.orientations
            phase = 2 * math.pi / wavelength * (x * math.cos(angle) + y * math.sin(angle))
            real = envelope * torch.cos(phase)
            kernels += [real - envelope * real.sum(), envelope * torch.sin(phase)]
    return torch.stack(kernels).unsqueeze(1).float()


BANKS: dict[str, Callable[[Any, Path | None, torch.device], FilterBank]] = {
    "cnn": CnnFilterBank,
    "gabor": GaborFilterBank,
}


def make_bank(
    settings: BankSettings, weights: Path | None, device: torch.device = CPU
) -> FilterBank:
    """The filter bank that the settings describe, with its file of weights where it has one."""
    return BANKS[settings.type](settings, weights, device)
