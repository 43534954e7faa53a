"""Time and memory of listing and sharding as many paths as ImageNet has.

    python benchmarks/listing.py [--images 1281167] [--on-disk FOLDER]

The list is generated, not the pictures. With --on-disk, so many empty files are made below FOLDER
(which must not exist), listed by the reader of ImageNet with their sizes and times, and looked at
again as the start of a run does; then they are removed.
"""

import argparse
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from sjft import listing
from sjft.data_state import listed, snapshot, state_of
from sjft.picture_files import FileFacts
from sjft.readers import ListedImage
from sjft.settings.dataset import ImageNet

CLASSES = 1000
SETTINGS = ImageNet(reader="imagenet", root=".", shards=256)


def names(images: int) -> Iterator[tuple[str, str]]:
    """Yield (wnid, file name) as ImageNet has them."""
    for number in range(images):
        wnid = f"n{number % CLASSES:08d}"
        yield wnid, f"{wnid}_{number}.JPEG"


@contextmanager
def measured(what: str) -> Iterator[None]:
    """Print wall and processor seconds of a block, and the process's peak memory so far."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    seconds = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:<44} {seconds[0]:6.1f} s ({seconds[1]:.1f} s of a core), peak {peak:5.0f} MiB")


def list_generated(images: int) -> None:
    """Listing and sharding without a disk."""

    def facts(_root: Path, paths: list[str]) -> FileFacts:
        numbers = np.arange(len(paths), dtype=np.int64)
        return FileFacts(numbers, numbers)

    def read(_settings: ImageNet, _root: Path) -> list[ListedImage]:
        return [ListedImage(f"train/{w}/{name}", w, "train") for w, name in names(images)]

    listing.READERS["imagenet"] = read
    with measured(f"list and shard {images:,} generated paths"):
        table = listing.list_images(SETTINGS, Path(), facts)
    with measured("digests by shard"):
        state_of(table, SETTINGS.shards)


def list_on_disk(images: int, folder: Path) -> None:
    """The same with files."""
    for wnid in {wnid for wnid, _ in names(min(images, CLASSES))}:
        (folder / "train" / wnid).mkdir(parents=True)
    for wnid, name in names(images):
        (folder / "train" / wnid / name).touch()
    with measured(f"list {images:,} files"):
        table = listed(SETTINGS, folder)
    with measured("digests by shard"):
        state_of(table, SETTINGS.shards)
    for watch in ("pictures", "folders"):
        with measured(f"look for changes, watch: {watch}"):
            snapshot(SETTINGS.model_copy(update={"watch": watch}), folder)
    shutil.rmtree(folder)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1_281_167)
    parser.add_argument("--on-disk", type=Path)
    arguments = parser.parse_args()
    if arguments.on_disk is None:
        list_generated(arguments.images)
    else:
        list_on_disk(arguments.images, arguments.on_disk)


if __name__ == "__main__":
    main()
