"""Time and memory of listing and sharding as many paths as ImageNet has.

    python benchmarks/listing.py --output FILE [--images 1281167] [--on-disk FOLDER] [--quick]

The list is generated, not the images. With --on-disk, so many empty files are made below FOLDER
(which must not exist), listed by the reader of ImageNet with their sizes and times, and looked at
again as the start of a run does; then they are removed. There is nothing to read in --data.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from command_line import Row, parser_of, tables, write_results

from sjft.data import listing
from sjft.data.disk import FileFacts
from sjft.data.folders import Walk
from sjft.data.readers import READERS, ListedImage
from sjft.data.state import listed, snapshot, state_of
from sjft.pipeline.job_cost import peak_megabytes
from sjft.settings.dataset import ImageNet

CLASSES = 1000
SETTINGS = ImageNet(reader="imagenet", root=".", shards=256)


def names(images: int) -> Iterator[tuple[str, str]]:
    """Yield (wnid, file name) as ImageNet has them."""
    for number in range(images):
        wnid = f"n{number % CLASSES:08d}"
        yield wnid, f"{wnid}_{number}.JPEG"


@contextmanager
def measured(rows: list[Row], what: str) -> Iterator[None]:
    """Add wall and processor seconds of a block, and the process's peak memory so far, in MB."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    seconds = time.perf_counter() - wall, time.process_time() - processor
    row = {"what": what, "s": round(seconds[0], 1), "s of a core": round(seconds[1], 1)}
    rows.append({**row, "peak MB": peak_megabytes()})


def list_generated(images: int) -> list[Row]:
    """Listing and sharding without a disk."""

    def facts(_root: Path, paths: list[str]) -> FileFacts:
        numbers = np.arange(len(paths), dtype=np.int64)
        return FileFacts(numbers, numbers)

    def read(_settings: ImageNet, _root: Path, _walk: Walk | None = None) -> list[ListedImage]:
        return [ListedImage(f"train/{w}/{name}", w, "train") for w, name in names(images)]

    READERS["imagenet"] = read
    rows: list[Row] = []
    with measured(rows, f"list and shard {images:,} generated paths"):
        table = listing.list_images(SETTINGS, Path(), facts)
    assert len(table) == images
    with measured(rows, "digests by shard"):
        state_of(table, SETTINGS.shards)
    return rows


def list_on_disk(images: int, folder: Path) -> list[Row]:
    """The same with files."""
    for wnid in {wnid for wnid, _ in names(min(images, CLASSES))}:
        (folder / "train" / wnid).mkdir(parents=True)
    for wnid, name in names(images):
        (folder / "train" / wnid / name).touch()
    rows: list[Row] = []
    with measured(rows, f"list {images:,} files"):
        table = listed(SETTINGS, folder)
    assert len(table) == images
    with measured(rows, "digests by shard"):
        state_of(table, SETTINGS.shards)
    for watch in ("images", "folders"):
        with measured(rows, f"look for changes, watch: {watch}"):
            snapshot(SETTINGS.model_copy(update={"watch": watch}), folder)
    shutil.rmtree(folder)
    return rows


def main() -> None:
    """Measure what the command line asks for."""
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=int, default=1_281_167)
    parser.add_argument("--on-disk", type=Path)
    chosen = parser.parse_args()
    images = 20_000 if chosen.quick else chosen.images
    on_disk = chosen.on_disk
    rows = list_on_disk(images, on_disk) if on_disk else list_generated(images)
    found = {f"Listing {images:,} images": rows}
    write_results(chosen.output, tables(found), {"tables": found})


if __name__ == "__main__":
    main()
