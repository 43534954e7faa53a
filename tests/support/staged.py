"""Two small data sets, stage by stage up to their histograms, by the library's own functions.

The target's held-out images `test/a/0.png` and `test/b/1.png` stand in the source as well, and
`test/a/1.png` among its own training images.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from image_files import random_image, save_images
from pydantic import TypeAdapter

from sjft.data.shard import ImagesOfShard
from sjft.data.state import list_dataset
from sjft.data.table import of_shard, read_images
from sjft.descriptors.banks import make_bank
from sjft.descriptors.extraction import Extraction, extract_descriptors
from sjft.leakage.copies import FEWEST_IMAGES
from sjft.leakage.hashes import hash_shard
from sjft.retrieval.bins import equalise_bins
from sjft.retrieval.histograms import build_histograms
from sjft.settings.bank import GaborBank
from sjft.settings.dataset import DatasetSettings
from sjft.settings.retrieval import LeakageSettings, RetrievalSettings

BANK = GaborBank(type="gabor", resize=32, crop=32, scales=1, orientations=2)
SETTINGS = RetrievalSettings(
    bank="small",
    bins=8,
    neighbours_on_file=6,
    backend="exact",
    # By so few filters, images of noise are hardly told apart.
    leakage=LeakageSettings(divergence_share=0.01),
)
MEMORY = 10**9
IN_SOURCE = {"train/x/copy.png": "test/a/0.png", "train/y/copy.png": "test/b/1.png"}
IN_TARGET = {"train/b/copy.png": "test/a/1.png"}


@dataclass(frozen=True)
class Staged:
    """A data set's folder, and the files that its stages wrote, by part and shard by shard."""

    root: Path
    folder: Path
    shards: int

    @property
    def images(self) -> Path:
        return self.folder / "images.csv"

    def files(self, kind: str, part: str) -> list[Path]:
        return [self.folder / kind / part / f"{shard:04d}.h5" for shard in range(self.shards)]


def target_and_source(folder: Path) -> tuple[Staged, Staged]:
    """Both data sets below a folder, and the target's bins."""
    numbers = {"train": FEWEST_IMAGES // 2, "test": 3}
    names = [
        f"{split}/{c}/{i}.png" for split in numbers for c in "ab" for i in range(numbers[split])
    ]
    target = folder / "data/target"
    save_images(target, names)
    source = folder / "data/source"
    for number in range(FEWEST_IMAGES):
        path = source / f"train/{'xy'[number % 2]}/{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        random_image(100 + number).save(path)
    for root, copies in ((source, IN_SOURCE), (target, IN_TARGET)):
        for copy, original in copies.items():
            shutil.copyfile(target / original, root / copy)
    both = (
        _listed(folder, "target", {"train": "train", "test": "test"}, 2),
        _listed(folder, "source", {"train": "train"}, 2),
    )
    for staged in both:
        for part in ("train", "heldout"):
            for shard in range(staged.shards):
                _described(staged, part, shard)
    bins = folder / "bins.h5"
    equalise_bins(both[0].files("descriptors", "train"), SETTINGS.bins, None, bins)
    for staged in both:
        for part in ("train", "heldout"):
            files = staged.files("descriptors", part), staged.files("histograms", part)
            for descriptors, histograms in zip(*files, strict=True):
                build_histograms(descriptors, bins, histograms)
    return both


def _listed(folder: Path, name: str, splits: dict[str, str], shards: int) -> Staged:
    values = {"reader": "image_folder", "root": name, "splits": splits, "shards": shards}
    settings: DatasetSettings = TypeAdapter(DatasetSettings).validate_python(values)
    staged = Staged(folder / "data" / name, folder / "results" / name, shards)
    list_dataset(settings, staged.root, folder / "data", "code", staged.folder)
    return staged


def _described(staged: Staged, part: str, shard: int) -> None:
    hashes = staged.files("hashes", part)[shard]
    hash_shard(ImagesOfShard(staged.images, part, shard, staged.root, "state"), hashes)
    extract_descriptors(
        of_shard(read_images(staged.images), part, shard),
        staged.root,
        Extraction(make_bank(BANK, None), BANK.grid, BANK.deciding, {}, False),
        staged.files("descriptors", part)[shard],
    )
