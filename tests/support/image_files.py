"""Small pictures, and folders of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def random_picture(seed: int, size: tuple[int, int] = (20, 16)) -> Image.Image:
    """Return an RGB picture of noise, of the given width and height."""
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def save_pictures(root: Path, names: Sequence[str]) -> None:
    """Write a picture of its own under each of the names."""
    for seed, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        random_picture(seed).save(path)


def touch(root: Path, names: Sequence[str]) -> None:
    """Make an empty file under each of the names."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def lay_out(root: Path, folders: Sequence[str], each: int = 3) -> Path:
    """Write so many pictures into each of the folders."""
    save_pictures(root, [f"{folder}/{n}.png" for folder in folders for n in range(each)])
    return root
