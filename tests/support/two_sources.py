"""Three collections with copies among them, and an experiment that borrows from two of them."""

import copy
import csv
from pathlib import Path
from typing import Any

import numpy as np
from chain import CONFIG
from PIL import Image, ImageFilter, ImageOps

RESULT = "results/both/model.pt"
PAIRING = "results/retrieval/exhaustive/birds"
# The first two are trained; of the others only what they would be trained on is looked at.
ARMS = ("selective", "fine-tune", "random-source", "all-source")
SUBSETS = [f"results/both/runs/{arm}-0/round-0/subset.csv" for arm in ARMS[2:]]
IMAGES = {
    "birds": ("train/owl", "train/tit", "test/owl", "test/tit"),
    "store": ("train/cup", "train/fork"),
    "attic": ("train/chair", "train/cup"),
}
SHARDS = {"birds": 1, "store": 2, "attic": 1}


def painted(seed: int) -> Image.Image:
    """A smooth image that no other seed resembles, with some grain."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    smooth = coarse.resize((72, 72), Image.Resampling.BICUBIC).filter(ImageFilter.BoxBlur(2))
    grain = rng.normal(0, 6, (72, 72, 3))
    return Image.fromarray((np.asarray(smooth) + grain).clip(0, 255).astype(np.uint8))


def save_data(data: Path) -> None:
    """Three collections, and in two of them copies of images that the birds are tested on."""
    seed = 0
    for name, folders in IMAGES.items():
        for folder in folders:
            (data / name / folder).mkdir(parents=True)
            for number in range(7):
                painted(seed).save(data / name / folder / f"{number}.png")
                seed += 1
    first = Image.open(data / "birds/test/owl/0.png")
    first.save(data / "store/train/cup/again.jpg", quality=70)
    ImageOps.mirror(Image.open(data / "birds/test/tit/3.png")).resize((50, 50)).save(
        data / "attic/train/cup/mirrored.jpg", quality=80
    )
    (data / "attic/train/cup/same.png").write_bytes((data / "birds/test/tit/5.png").read_bytes())
    # And one that the birds are trained on.
    first.save(data / "birds/train/owl/double.jpg", quality=90)
    # What is no image, or no new one.
    (data / "birds/train/owl/@eaDir").mkdir()
    first.save(data / "birds/train/owl/@eaDir/thumbnail.jpg")
    (data / "store/train/cup/phone.heic").touch()
    (data / "attic/train/cup/back").symlink_to("../..")


def configuration(config: dict[str, Any]) -> None:
    for name, shards in SHARDS.items():
        splits = {"train": "train"} | ({"test": "test"} if name == "birds" else {})
        config["datasets"][name] = {
            "reader": "image_folder",
            "root": name,
            "splits": splits,
            "shards": shards,
            "watch": "folders" if name == "attic" else "images",
        }
    both = copy.deepcopy(CONFIG["experiments"]["tiny"])
    config["experiments"] = {
        "both": both
        | {"target": "birds", "source": ["store", "attic"], "retrieval": "exhaustive"}
        | {"publish": {"compare": list(ARMS[:2])}},
    }


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
