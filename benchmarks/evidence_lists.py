"""Writes the lists of the evidence's sketches: pictures whose look is known, as they are.

    python benchmarks/evidence_lists.py FOLDER

FOLDER holds pacs/ (photo/, art_painting/, cartoon/, sketch/, each with seven class folders: PACS by
Li et al., ICCV 2017) and miniimagenet/train/. The target are sketches of four animals. The source
are mini-ImageNet's photographs and PACS's other three classes in all four looks, so that one source
image of eighteen is a sketch. Of PACS none shows what the target shows in another look; among
mini-ImageNet's classes are breeds of dogs.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from sjft.storage.files import stable_integer

LOOKS = ("photo", "art_painting", "cartoon", "sketch")
ANIMALS = ("dog", "elephant", "giraffe", "horse")
OTHERS = ("guitar", "house", "person")
# Of ten sketches one is for training, and most of these are left out by `train_per_class`.
SPLITS = ("train", "val", "val", *["test"] * 7)
Row = tuple[str, str, str, str]


def target(folder: Path) -> Iterator[Row]:
    """(path below ``folder``, class, split, look) of each sketch of an animal."""
    for path, animal in _pictures(folder / "pacs" / "sketch", ANIMALS):
        split = SPLITS[stable_integer("split of sketches", f"{animal}/{path.name}") % len(SPLITS)]
        yield path.relative_to(folder).as_posix(), animal, split, "sketch"


def source(folder: Path) -> Iterator[Row]:
    """The same of each source image."""
    for look in LOOKS:
        for path, shown in _pictures(folder / "pacs" / look, OTHERS):
            yield path.relative_to(folder).as_posix(), shown, "train", look
    photographs = folder / "miniimagenet" / "train"
    for path, shown in _pictures(photographs, [p.name for p in photographs.iterdir()]):
        yield path.relative_to(folder).as_posix(), shown, "train", "photo"


def _pictures(root: Path, classes: Iterable[str]) -> Iterator[tuple[Path, str]]:
    for name in sorted(classes):
        found = sorted(path for path in (root / name).iterdir() if path.is_file())
        yield from ((path, name) for path in found)


def main() -> None:
    """Write both lists."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    wanted = [folder / "pacs" / look for look in LOOKS] + [folder / "miniimagenet" / "train"]
    if missing := [str(path) for path in wanted if not path.is_dir()]:
        parser.error(f"no folder {', '.join(missing)}")
    for name, rows in (("target", list(target(folder))), ("source", list(source(folder)))):
        path = folder / "pacs" / f"{name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("path", "class", "split", "look"))
            writer.writerows(rows)
        print(f"wrote {path}: {len(rows)} images")


if __name__ == "__main__":
    main()
