"""Augmentation: a random size, a random crop, mirrored or not (paper, section 4).

The shorter side is resized to a random length in ``resize``, a random square of ``input_size`` is
cropped, and half of the squares are mirrored. The square is cut out of the image first, at whole
pixels, and then resized, so that only what is seen is resized: its place and size differ from
those of cropping last by less than a pixel of the image.
"""

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from sjft.storage.files import stable_integer

NUMBERS = 4  # that decide an augmentation


def random_numbers(seed: int, step: int, places: int) -> NDArray[np.float64]:
    """Uniform in [0, 1), [places, `NUMBERS`]: of seed and step alone, a row for each place."""
    generator = np.random.default_rng(stable_integer("augment", seed, step))
    return generator.random((places, NUMBERS))


def augmented(
    pixels: NDArray[np.uint8], side: int, resize: tuple[int, int], numbers: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """One augmented square, uint8 [side, side, 3], of an image, uint8 [height, width, 3].

    ``numbers``, of `random_numbers`, are the shorter side, the row, the column and the mirror.
    Resizing is bilinear and antialiased, by torch, whose kernel for uint8 takes a fifth of Pillow's
    time and differs from it by two levels of 256 at most.
    """
    height, width = pixels.shape[:2]
    low, high = resize
    shorter = low + int(numbers[0] * (high - low + 1))
    cut = max(1, round(side * min(height, width) / shorter))
    top = int(numbers[1] * (height - cut + 1))
    left = int(numbers[2] * (width - cut + 1))
    square = pixels[top : top + cut, left : left + cut]
    if cut != side:
        # Turned by NumPy: each of torch's calls lets go of Python's lock, and waits for it again.
        given = torch.from_numpy(square.reshape(1, cut, cut, 3).transpose(0, 3, 1, 2))
        found = F.interpolate(given, (side, side), mode="bilinear", antialias=True)
        square = found.numpy()[0].transpose(1, 2, 0)
    return square[:, ::-1] if numbers[3] < 0.5 else square
