"""Images that the benchmarks run on, and their histograms.

DATA is laid out as `flowers17/{train,test}`, `miniimagenet/{train,test}` (JPEG files at any depth)
and `weights/squeezenet1_1.pth`. Where there is none, images of the demo's kind and random weights
are laid out in the same way.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
import yaml
from PIL import Image
from pydantic import TypeAdapter

from sjft.data import synthetic
from sjft.data.pixels import load_pixels
from sjft.descriptors.banks import make_bank
from sjft.descriptors.extraction import Extraction, extract_descriptors
from sjft.networks.pretrained import load_network
from sjft.retrieval.bins import equalise_bins
from sjft.retrieval.histograms import Histograms, build_histograms, read_histograms
from sjft.settings.bank import BankSettings
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.weights import RandomWeights

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
WEIGHTS = Path("weights/squeezenet1_1.pth")
BINS = RetrievalSettings(bank="any").bins
# Images a class of the made data, for a measurement and for a check.
MADE = {
    "flowers17": ({"train": 100, "test": 50}, {"train": 12, "test": 4}),
    "miniimagenet": ({"train": 900, "test": 80}, {"train": 80, "test": 4}),
}


@dataclass(frozen=True)
class Images:
    """Images under one folder, numbered from 0 in the order of their paths."""

    name: str
    root: Path
    paths: list[str]

    def table(self) -> pl.DataFrame:
        """What hashing and extraction read of images.csv."""
        schema = {"image": pl.Int32, "path": pl.String}
        return pl.DataFrame({"image": range(len(self.paths)), "path": self.paths}, schema=schema)

    def some(self, wanted: int) -> "Images":
        """So many of them, or all where there are fewer, evenly taken."""
        number = min(wanted, len(self.paths))
        rows = np.arange(number) * len(self.paths) // number
        return Images(self.name, self.root, [self.paths[row] for row in rows])


def images_in(root: Path, folder: str) -> Images:
    """All JPEG files under ``root/folder``."""
    found = sorted(path.relative_to(root).as_posix() for path in (root / folder).rglob("*.jpg"))
    if not found:
        raise SystemExit(
            f"{root / folder}: no *.jpg there. See benchmarks/sample_images.py: --data."
        )
    return Images(folder, root, found)


def data_or_made(data: Path | None, folder: Path, quick: bool) -> Path:
    """The data's folder, or ``folder`` with images and weights that are made there."""
    if data is not None:
        return data
    half = len(synthetic.CONTENTS) // 2
    contents = {"flowers17": synthetic.CONTENTS[:4], "miniimagenet": synthetic.CONTENTS[half:-4]}
    for name, numbers in MADE.items():
        synthetic.generate(
            folder / name,
            contents=contents[name],
            styles=synthetic.STYLES,
            per_class=numbers[quick],
            size=64,
            quality=90,
            seed=len(name),
        )
    (folder / WEIGHTS).parent.mkdir(parents=True)
    network = load_network("squeezenet1_1", RandomWeights(source="random", seed=0), None)
    torch.save(network.state_dict(), folder / WEIGHTS)
    return folder


def configured_bank(name: str, data: Path) -> tuple[Any, BankSettings]:
    """A bank of config.yaml and its settings; weights come from ``data``."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["banks"][name]
    settings: BankSettings = TypeAdapter(BankSettings).validate_python(config)
    weights = getattr(settings, "weights", None)
    return make_bank(settings, data / weights.path if weights else None), settings


def descriptors_of(images: Images, bank: tuple[Any, BankSettings], scratch: Path) -> Path:
    """The images' descriptors; what ``scratch`` holds already is not made again."""
    descriptors = scratch / f"{_file_name(images)}.descriptors.h5"
    if not descriptors.is_file():
        bank_config = bank[1].model_dump(mode="json")
        extraction = Extraction(bank[0], bank[1].grid, bank_config, {"weights": ""}, False)
        extract_descriptors(images.table(), images.root, extraction, descriptors)
    return descriptors


def histograms_of(
    images: Images, bank: tuple[Any, BankSettings], bins: Path | None, scratch: Path
) -> tuple[Histograms, Path]:
    """Descriptors and histograms; over the images' own bins where none are given.

    What ``scratch`` holds already is not made again.
    """
    histograms = scratch / f"{_file_name(images)}.histograms.h5"
    if bins is None:
        bins = scratch / "bins.h5"
        if not bins.is_file():
            equalise_bins([descriptors_of(images, bank, scratch)], BINS, None, bins)
    if not histograms.is_file():
        build_histograms(descriptors_of(images, bank, scratch), bins, histograms)
    return read_histograms(histograms), bins


def _file_name(images: Images) -> str:
    return images.name.replace("/", "-").replace(" ", "-")


def photographs(folder: Path, number: int) -> list[Path]:
    """So many JPEG files, evenly taken, in the order of their paths."""
    found = sorted([*folder.rglob("*.jpg"), *folder.rglob("*.JPEG")])
    if not found:
        raise SystemExit(f"{folder}: no *.jpg or *.JPEG there. Name another folder with --data.")
    number = min(number, len(found))
    return [found[place * len(found) // number] for place in range(number)]


def enlarged(paths: list[Path], scratch: Path) -> list[Path]:
    """The photographs as 500x375 JPEGs of quality 90, the size of many of ImageNet's."""
    made = [scratch / f"{place:04d}.jpg" for place in range(len(paths))]
    for path, output in zip(paths, made, strict=True):
        image = Image.fromarray(load_pixels(path)).resize((500, 375), Image.Resampling.BICUBIC)
        image.save(output, quality=90)
    return made
