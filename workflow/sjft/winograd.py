"""Convolutions of stride 1 with a third of the products, for extraction on a CPU.

Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
CVPR 2016, section 4): a tile of 8 x 8 inputs and a kernel of k x k are evaluated at 64 points,
their products there are summed over the input channels, and give (9 - k) x (9 - k) outputs. Kernels
of 5 x 5, as in AlexNet's second layer, then take 4 products an output and pair of channels instead
of 25, and all of them are matrix products. torch, oneDNN and onnxruntime have none for that size.

Results differ from a direct convolution's by rounding: in float32 by some 1e-6 of the largest.
"""

from collections.abc import Iterator
from typing import TypeGuard

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

TILE = 8
# Where polynomials of a tile's degree are evaluated, besides at infinity: powers of two, so that
# next to nothing is lost by rounding.
POINTS = (0, 1, -1, 2, -2, 0.5, -0.5)
LARGEST_KERNEL = 7
# A processor's second cache holds about so many bytes of products.
BYTES_AT_ONCE = 5 << 19
LARGEST_TRANSFORMED = 8 << 20  # bytes of kernels: larger ones would be read from memory
LEAST_GAIN = 2.0  # of products: the tiles' way through memory costs as well


class WinogradConvolution(nn.Module):
    """What an `torch.nn.Conv2d` does that `can_replace` accepts, on channels-last input."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        """Transform the kernels, in float64."""
        super().__init__()
        self._convolution = convolution
        kernel = convolution.kernel_size[0]
        self._outputs = TILE + 1 - kernel  # along each side of a tile
        self._padding = int(convolution.padding[0]), int(convolution.padding[1])
        of_input, of_kernel, of_output = _transforms(kernel)
        weights = torch.einsum(
            *("ay,bx,oiyx->abio", of_kernel, of_kernel, convolution.weight.detach().double())
        )
        self._kernels = weights.flatten(0, 1).float().contiguous()  # [points, in, out]
        self._of_input = torch.kron(of_input, of_input).float()  # [points, inputs of a tile]
        self._of_output = torch.kron(of_output, of_output).float()  # [outputs of a tile, points]
        self._bias = torch.zeros(()) if convolution.bias is None else convolution.bias.detach()

    def forward(self, images: Tensor) -> Tensor:
        """Convolve float32 [images, in, height, width]; returns [images, out, ...], channels last.

        Image by image, so that a result does not depend on an image's neighbours.
        """
        height, width = self._size(images)
        if _gain(self._convolution, height, width) < LEAST_GAIN:
            result: Tensor = self._convolution(images)
            return result
        down, across = -(-height // self._outputs), -(-width // self._outputs)
        padded = self._padded(images, down, across)
        results = padded.new_empty(len(images), height, width, self._kernels.shape[2])
        for image, result in zip(padded, results, strict=True):
            for first, last in self._strips(down, across):
                tiles = self._tiles(image[self._outputs * first :], last - first, across)
                outputs = self._convolved(tiles)
                rows = slice(self._outputs * first, min(self._outputs * last, height))
                part = outputs[: rows.stop - rows.start, :width]
                torch.add(part, self._bias, out=result[rows])
        return results.permute(0, 3, 1, 2)

    def _size(self, images: Tensor) -> tuple[int, int]:
        """Height and width of the result."""
        top, left = self._padding
        beyond = TILE - self._outputs
        return images.shape[2] + 2 * top - beyond, images.shape[3] + 2 * left - beyond

    def _padded(self, images: Tensor, down: int, across: int) -> Tensor:
        """The images [images, height, width, in], with zeros around and up to whole tiles."""
        top, left = self._padding
        beyond = TILE - self._outputs
        bottom = self._outputs * down + beyond - images.shape[2] - top
        right = self._outputs * across + beyond - images.shape[3] - left
        return pad(images.permute(0, 2, 3, 1), (0, 0, left, right, top, bottom)).contiguous()

    def _strips(self, down: int, across: int) -> Iterator[tuple[int, int]]:
        """First row of tiles and the one after the last, of what is convolved at once."""
        row_bytes = across * self._kernels.shape[0] * self._kernels.shape[2] * 4
        rows = max(1, BYTES_AT_ONCE // row_bytes)
        for first in range(0, down, rows):
            yield first, min(first + rows, down)

    def _tiles(self, image: Tensor, down: int, across: int) -> Tensor:
        """Overlapping tiles of an image [height, width, in], as [8, 8, down, across, in]."""
        row, column, channel = image.stride()
        return image.as_strided(
            (TILE, TILE, down, across, image.shape[2]),
            (row, column, self._outputs * row, self._outputs * column, channel),
        )

    def _convolved(self, tiles: Tensor) -> Tensor:
        """Outputs of whole tiles, [height, width, out]."""
        down, across, channels = tiles.shape[2:]
        points = len(self._of_input)
        evaluated = self._of_input @ tiles.reshape(points, -1)
        products = torch.bmm(evaluated.view(points, down * across, channels), self._kernels)
        outputs = (self._of_output @ products.view(points, -1)).view(
            *(self._outputs, self._outputs, down, across, -1)
        )
        return outputs.permute(2, 0, 3, 1, 4).flatten(2, 3).flatten(0, 1)


def replace_convolutions(network: nn.Module) -> None:
    """Put a `WinogradConvolution` in the place of each of a network's convolutions that gains."""
    for name, module in list(network.named_modules()):
        if can_replace(module):
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, WinogradConvolution(module))


def can_replace(convolution: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a convolution that a `WinogradConvolution` computes, and it may gain.

    Not 3 x 3: there oneDNN is nearly as fast, and more is lost by rounding.
    """
    return (
        type(convolution) is nn.Conv2d
        and convolution.stride == convolution.dilation == (1, 1)
        and convolution.groups == 1
        and convolution.padding_mode == "zeros"
        and not isinstance(convolution.padding, str)
        and convolution.kernel_size[0] == convolution.kernel_size[1]
        and 3 < convolution.kernel_size[0] <= LARGEST_KERNEL
        and 4 * TILE**2 * convolution.in_channels * convolution.out_channels <= LARGEST_TRANSFORMED
        and _gain(convolution, 10 * TILE, 10 * TILE) >= LEAST_GAIN
    )


def _gain(convolution: nn.Conv2d, height: int, width: int) -> float:
    """How many times fewer products give a result of this size, the transforms' counted in."""
    outputs = TILE + 1 - convolution.kernel_size[0]
    tiles = -(-height // outputs) * -(-width // outputs)
    pairs = convolution.in_channels * convolution.out_channels
    transforms = TILE**2 * convolution.in_channels + outputs**2 * convolution.out_channels
    direct = convolution.kernel_size[0] ** 2 * height * width * pairs
    return direct / (TILE**2 * tiles * (pairs + transforms))


def _transforms(kernel: int) -> tuple[Tensor, Tensor, Tensor]:
    """Matrices B^T [8, 8], G [8, kernel] and A^T [9 - kernel, 8] of the paper's formula 7, float64.

    A^T [(G g) * (B^T d)] are the outputs of kernel g on inputs d, along one side.
    """
    of_kernel = _evaluation(kernel)
    of_input = np.linalg.inv(_evaluation(TILE)).T
    # Any scale of a point's two factors is right: this one keeps both of the size of what they are
    # made from, and the rounding small.
    scale = np.abs(of_kernel).sum(axis=1, keepdims=True)
    of_output = _evaluation(TILE + 1 - kernel).T
    return (
        torch.from_numpy(of_input * scale),
        torch.from_numpy(of_kernel / scale),
        torch.from_numpy(of_output.copy()),
    )


def _evaluation(coefficients: int) -> NDArray[np.float64]:
    """Values of polynomials at all points, from their coefficients; float64 [8, coefficients]."""
    finite = np.array(POINTS)[:, None] ** np.arange(coefficients)
    return np.vstack([finite, np.arange(coefficients) == coefficients - 1])
