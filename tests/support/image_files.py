"""Small images, and folders of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def random_image(seed: int, size: tuple[int, int] = (20, 16)) -> Image.Image:
    """Return an RGB image of noise, of the given width and height."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def save_images(root: Path, names: Sequence[str]) -> None:
    """Write an image of its own under each of the names."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        random_image(seed).save(path)


def touch(root: Path, names: Sequence[str]) -> None:
    """Make an empty file under each of the names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def lay_out(root: Path, folders: Sequence[str], each: int = 3) -> Path:
    """Write so many images into each of the folders."""
    save_images(root, [f"{folder}/{n}.png" for folder in folders for n in range(each)])
    return root
