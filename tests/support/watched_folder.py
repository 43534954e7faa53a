"""A folder of images that is watched: two classes in two splits, last changed long ago."""

import os
from pathlib import Path
from typing import Any

from image_files import random_image, save_images

from sjft.settings.dataset import ImageFolder

SHARDS = 3
NAMES = [f"{split}/{c}/{i}.png" for split in ("a", "b") for c in ("cat", "dog") for i in range(12)]


def settings(**changes: Any) -> ImageFolder:
    return ImageFolder.model_validate(
        {
            "reader": "image_folder",
            "root": "pets",
            "splits": {"train": "a", "test": "b"},
            "shards": SHARDS,
            **changes,
        }
    )


def save_pets(data_root: Path) -> None:
    save_images(data_root / "pets", NAMES)
    for name in NAMES:
        os.utime(data_root / "pets" / name, (10**9, 10**9))


def replace_image(path: Path) -> None:
    """Write another image of the same name, in place."""
    random_image(99, (9, 9)).save(path)
