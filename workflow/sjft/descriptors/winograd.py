"""Convolutions of stride 1 with a third of the products, for extraction on a CPU.

Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
CVPR 2016, section 4): a tile of 8 x 8 inputs and a kernel of k x k are evaluated at 64 points,
their products there are summed over the input channels, and give (9 - k) x (9 - k) outputs. Kernels
of 5 x 5, as in AlexNet's second layer, then take 4 products an output and pair of channels instead
of 25, and all of them are matrix products. oneDNN, torch's choice, takes all 25 for that size;
NNPACK in torch, onnxruntime and OpenVINO were no faster than oneDNN.

Results differ from a direct convolution's by rounding: by 3e-6 of their deviation in the mean, and
by about 1e-5 of the largest at most (16 to 128 channels in, kernels of 3 x 3 to 7 x 7).
"""

from collections.abc import Iterator
from typing import TypeGuard

import numba
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from sjft.compiled import compiled

TILE = 8
# Where polynomials of a tile's degree are evaluated, besides at infinity: powers of two, so that
# next to nothing is lost by rounding.
POINTS = (0, 1, -1, 2, -2, 0.5, -0.5)
# A processor's second cache holds about so many bytes of products.
BYTES_AT_ONCE = 5 << 19
LARGEST_TRANSFORMED = 8 << 20  # bytes of kernels: larger ones would be read from memory
# In products; those of the transforms count as so many: they wait for memory.
LEAST_GAIN, TRANSFORM_COST = 1.5, 4


class WinogradConvolution(nn.Module):
    """What an `torch.nn.Conv2d` does that `can_replace` accepts, on channels-last input."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        """Transform the kernels, in float64."""
        super().__init__()
        self._convolution = convolution
        self._padding = int(convolution.padding[0]), int(convolution.padding[1])
        self._outputs = TILE + 1 - convolution.kernel_size[0]  # along each side of a tile
        of_input, of_kernel, of_output = _transforms(convolution.kernel_size[0])
        weights = torch.from_numpy(of_kernel)
        kernels = torch.einsum(
            "ay,bx,oiyx->abio", weights, weights, convolution.weight.detach().double()
        )
        self._kernels = kernels.flatten(0, 1).float().contiguous()  # [points, in, out]
        self._of_input = of_input.astype(np.float32)
        self._of_output = of_output.astype(np.float32)

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
                rows = slice(self._outputs * first, min(self._outputs * last, height))
                self._convolve(image[rows.start :], (last - first, across), result[rows])
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

    def _convolve(self, image: Tensor, tiles: tuple[int, int], result: Tensor) -> None:
        """Convolve so many tiles, down and across, of an image [height, width, in]."""
        evaluated = image.new_empty(len(self._kernels), tiles[0] * tiles[1], image.shape[2])
        kernel = self._convolution.kernel_size[0]
        _evaluate(image.numpy(), self._of_input, kernel, tiles, evaluated.numpy())
        products = torch.bmm(evaluated, self._kernels)
        if self._convolution.bias is not None:
            # All outputs are sums that count the point (1, 1) once.
            products[POINTS.index(1) * (TILE + 1)] += self._convolution.bias
        _interpolate(products.numpy(), self._of_output, tiles, result.numpy())


# The transforms of tiles: sums of eight with the channels side by side, which the compiler finds
# several of at once. As one product of matrices they would take four times as many products.


@compiled(fastmath={"contract"})
def _evaluate(
    image: NDArray[np.float32],
    of_input: NDArray[np.float32],
    kernel: int,
    tiles: tuple[int, int],
    evaluated: NDArray[np.float32],
) -> None:
    """Evaluate an image's tiles, [height, width, in], at the points, as [64, tiles, in]."""
    height, width, channels = image.shape
    outputs = TILE + 1 - kernel
    rows = image.reshape(height, width * channels)
    combined = np.empty((TILE, width * channels), np.float32)
    pixels = combined.reshape(TILE * width, channels)
    for down in range(tiles[0]):
        for point in range(TILE):
            _combine(of_input[point], rows, outputs * down, 1, combined[point])
        for point in range(TILE):
            for across in range(tiles[1]):
                first = point * width + outputs * across
                for other in range(TILE):
                    into = evaluated[point * TILE + other, down * tiles[1] + across]
                    _combine(of_input[other], pixels, first, 1, into)


@compiled(fastmath={"contract"})
def _interpolate(
    products: NDArray[np.float32],
    of_output: NDArray[np.float32],
    tiles: tuple[int, int],
    result: NDArray[np.float32],
) -> None:
    """From the products at the points, [64, tiles, out], to outputs, [height, width, out]."""
    outputs, tile_count = len(of_output), tiles[0] * tiles[1]
    rows = products.reshape(TILE * TILE * tile_count, products.shape[2])
    combined = np.empty((TILE, products.shape[2]), np.float32)
    for tile in range(tile_count):
        top, left = tile // tiles[1] * outputs, tile % tiles[1] * outputs
        for down in range(min(outputs, len(result) - top)):
            for point in range(TILE):
                first = point * tile_count + tile
                _combine(of_output[down], rows, first, TILE * tile_count, combined[point])
            for across in range(min(outputs, result.shape[1] - left)):
                _combine(of_output[across], combined, 0, 1, result[top + down, left + across])


@numba.njit(inline="always")
def _combine(
    weights: NDArray[np.float32],
    rows: NDArray[np.float32],
    first: int,
    step: int,
    result: NDArray[np.float32],
) -> None:
    """Write the weighted sum of eight rows, so many apart, the first one given."""
    w0, w1, w2, w3, w4, w5, w6, w7 = weights
    for place in range(len(result)):
        result[place] = (
            (w0 * rows[first, place] + w1 * rows[first + step, place])
            + (w2 * rows[first + 2 * step, place] + w3 * rows[first + 3 * step, place])
            + (w4 * rows[first + 4 * step, place] + w5 * rows[first + 5 * step, place])
            + (w6 * rows[first + 6 * step, place] + w7 * rows[first + 7 * step, place])
        )


def replace_convolutions(network: nn.Module) -> None:
    """Put a `WinogradConvolution` in the place of each of a network's convolutions that gains."""
    for name, module in list(network.named_modules()):
        if can_replace(module):
            parent, _, child = name.rpartition(".")
            setattr(network.get_submodule(parent), child, WinogradConvolution(module))


def can_replace(convolution: nn.Module) -> TypeGuard[nn.Conv2d]:
    """Whether a module is a convolution that a `WinogradConvolution` computes, and it may gain."""
    return (
        type(convolution) is nn.Conv2d
        and convolution.stride == convolution.dilation == (1, 1)
        and convolution.groups == 1
        and convolution.padding_mode == "zeros"
        and not isinstance(convolution.padding, str)
        and convolution.kernel_size[0] == convolution.kernel_size[1]
        and 1 < convolution.kernel_size[0] < TILE
        and 4 * TILE**2 * convolution.in_channels * convolution.out_channels <= LARGEST_TRANSFORMED
        and _gain(convolution, 10 * TILE, 10 * TILE) >= LEAST_GAIN
    )


def _gain(convolution: nn.Conv2d, height: int, width: int) -> float:
    """How many times fewer products give a result of this size, the transforms' counted in."""
    kernel, channels = convolution.kernel_size[0], convolution.in_channels
    outputs = TILE + 1 - kernel
    pairs = channels * convolution.out_channels
    of_input = 2 * TILE**3 * channels
    of_output = (outputs * TILE**2 + outputs**2 * TILE) * convolution.out_channels
    a_tile = TILE**2 * pairs + TRANSFORM_COST * (of_input + of_output)
    tiles = -(-height // outputs) * -(-width // outputs)
    return kernel**2 * height * width * pairs / (a_tile * tiles)


def _transforms(
    kernel: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Matrices B^T [8, 8], G [8, kernel] and A^T [9 - kernel, 8] of the paper's formula 7.

    A^T [(G g) * (B^T d)] are the outputs of kernel g on inputs d, along one side.
    """
    of_kernel = _evaluation(kernel)
    of_input = np.linalg.inv(_evaluation(TILE)).T
    # Any scale of a point's two factors is right: this one keeps both of the size of what they are
    # made from, and the rounding small.
    scale = np.abs(of_kernel).sum(axis=1, keepdims=True)
    return of_input * scale, of_kernel / scale, _evaluation(TILE + 1 - kernel).T.copy()


def _evaluation(coefficients: int) -> NDArray[np.float64]:
    """Values of polynomials at all points, from their coefficients; float64 [8, coefficients]."""
    finite = np.array(POINTS)[:, None] ** np.arange(coefficients)
    return np.vstack([finite, np.arange(coefficients) == coefficients - 1])
