"""Hit and false-alarm rates of the leakage check, from which its default thresholds were chosen.

    python benchmarks/leakage.py --data DATA --output FILE

DATA holds `flowers17/{train,test}`, `miniimagenet/{train,test}` and `weights/squeezenet1_1.pth`.
Hits are measured on altered copies of test photographs, false alarms on pairs of pictures that are
no copies of each other. Writes Markdown tables; one core, two to three minutes.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from pydantic import TypeAdapter

from sjft import synthetic
from sjft.banks import make_bank
from sjft.bins import equalise_bins, read_bins
from sjft.divergence import divergence_of_candidates
from sjft.extraction import Extraction, extract_descriptors
from sjft.files import write_text
from sjft.histograms import Histograms, build_histograms, read_histograms
from sjft.images import load_rgb
from sjft.leakage import USUAL_NEIGHBOUR, find_copies
from sjft.perceptual_hash import BITS, hash_distances
from sjft.picture_hashes import PictureHashes, hash_images, read_hashes
from sjft.search import search_exactly
from sjft.settings.bank import BankSettings
from sjft.settings.retrieval import RetrievalSettings

BIT_THRESHOLDS = (30, 40, 50, 60, 70, 80)
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
RETRIEVAL = RetrievalSettings(bank="any")
CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"


def _crop(left: float, top: float, right: float, bottom: float) -> Callable[..., Image.Image]:
    """Cut shares of the width or height off the sides."""

    def crop(picture: Image.Image, _: np.random.Generator) -> Image.Image:
        return _cut(picture, left, top, right, bottom)

    return crop


def _cut(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = picture.size
    box = (left * width, top * height, (1 - right) * width, (1 - bottom) * height)
    return picture.crop(tuple(round(edge) for edge in box))


def _random_crop(share: float) -> Callable[..., Image.Image]:
    return lambda picture, rng: _cut(picture, *rng.uniform(0, share, 4))


def _square(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.fit(picture, (min(picture.size),) * 2)


def _resize(factor: float) -> Callable[..., Image.Image]:
    return lambda picture, _: ImageOps.scale(picture, factor, Image.Resampling.BICUBIC)


def _enhance(kind: Any, factor: float) -> Callable[..., Image.Image]:
    return lambda picture, _: kind(picture).enhance(factor)


def _mirror(picture: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(picture)


@dataclass(frozen=True)
class Copy:
    """How a copy is made: edits in their order, and the JPEG quality, or none for PNG."""

    name: str
    edits: Sequence[Callable[..., Image.Image]] = ()
    quality: int | None = None


COPIES = (
    Copy("saved as PNG"),
    *(Copy(f"JPEG quality {quality}", (), quality) for quality in (90, 75, 50, 30)),
    *(Copy(f"resized, {factor:g} x", (_resize(factor),)) for factor in (0.5, 0.75, 2)),
    *(Copy(f"{p} % off each side", (_crop(*[p / 100] * 4),)) for p in (2, 5, 10)),
    Copy("5 % off one side", (_crop(0.05, 0, 0, 0),)),
    Copy("5 % off two sides", (_crop(0.05, 0.05, 0, 0),)),
    Copy("0 to 5 % off each side", (_random_crop(0.05),)),
    Copy("0 to 10 % off each side", (_random_crop(0.1),)),
    Copy("centre square", (_square,)),
    Copy("mirrored", (_mirror,)),
    Copy("mirrored, quality 75", (_mirror,), 75),
    *(Copy(f"brightness x {f}", (_enhance(ImageEnhance.Brightness, f),)) for f in (0.8, 1.2)),
    *(Copy(f"contrast x {f}", (_enhance(ImageEnhance.Contrast, f),)) for f in (0.8, 1.2)),
    Copy("5 % off, 0.5 x, quality 75", (_crop(*[0.05] * 4), _resize(0.5)), 75),
    Copy("5 % off, 0.5 x, mirrored, 75", (_crop(*[0.05] * 4), _resize(0.5), _mirror), 75),
)


@dataclass(frozen=True)
class Pictures:
    """Pictures under one folder, numbered from 0 in the order of their paths."""

    name: str
    root: Path
    paths: list[str]

    def table(self) -> pl.DataFrame:
        """What hashing and extraction read of images.csv."""
        schema = {"image": pl.Int32, "path": pl.String}
        return pl.DataFrame({"image": range(len(self.paths)), "path": self.paths}, schema=schema)

    def some(self, wanted: int) -> "Pictures":
        """So many of them, or all where there are fewer, evenly taken."""
        number = min(wanted, len(self.paths))
        rows = np.arange(number) * len(self.paths) // number
        return Pictures(self.name, self.root, [self.paths[row] for row in rows])


def pictures_in(root: Path, folder: str) -> Pictures:
    """All JPEG files under ``root/folder``."""
    found = sorted(path.relative_to(root).as_posix() for path in (root / folder).rglob("*.jpg"))
    if not found:
        raise SystemExit(f"{root / folder}: no *.jpg there. See the top of this file for --data.")
    return Pictures(folder, root, found)


def copied(originals: Pictures, copy: Copy, scratch: Path) -> Pictures:
    """Make one altered copy of each picture."""
    folder = scratch / copy.name.replace(" ", "-")
    folder.mkdir(parents=True)
    names = []
    for number, path in enumerate(originals.paths):
        picture, rng = load_rgb(originals.root / path), np.random.default_rng(number)
        for edit in copy.edits:
            picture = edit(picture, rng)
        names.append(f"{number:05d}.{'jpg' if copy.quality else 'png'}")
        options = {"quality": copy.quality} if copy.quality else {"compress_level": 1}
        picture.save(folder / names[-1], **options)
    return Pictures(copy.name, folder, names)


def hashes_of(pictures: Pictures, scratch: Path) -> PictureHashes:
    """Hash files, as the stage makes them."""
    path = scratch / f"{pictures.name.replace('/', '-').replace(' ', '-')}.hashes.h5"
    skipped = hash_images(pictures.table(), pictures.root, path, {})
    assert skipped.is_empty(), skipped
    return read_hashes([path])


def hash_hits(originals: Pictures, scratch: Path) -> list[list[str]]:
    """A row per kind of copy: distances to the original, and hits at each threshold."""
    own = hashes_of(originals, scratch)
    rows = []
    for copy in COPIES:
        copies = hashes_of(copied(originals, copy, scratch / originals.name), scratch)
        pairs = zip(own.bits, copies.bits, strict=True)
        distance = np.array([hash_distances(a[None], b[None])[0].item() for a, b in pairs])
        rows.append(
            [
                copy.name,
                "{:.0f}, {:.0f}, {:.0f}".format(*np.percentile(distance, [50, 95, 100])),
                *(percent(distance <= threshold) for threshold in BIT_THRESHOLDS),
            ]
        )
    return rows


def percent(hits: NDArray[np.bool_]) -> str:
    """Share of true values."""
    return f"{100 * hits.mean():.1f}"


def false_alarms(
    name: str, held_out: PictureHashes, others: PictureHashes, paths: tuple[list[str], list[str]]
) -> tuple[list[str], list[str]]:
    """A row with the number of pairs by threshold, and lines that name the nearest pairs."""
    widest = max(BIT_THRESHOLDS)
    found = find_copies(held_out, others, widest).filter(pl.col("hash_distance").is_not_null())
    found = found.sort("hash_distance")
    counts = [(found["hash_distance"] <= threshold).sum() for threshold in BIT_THRESHOLDS]
    pairs = len(held_out.images) * len(others.images)
    least = found["hash_distance"].min() if len(found) else f"over {widest}"
    named = [
        f"- {distance} bits: {paths[0][target]}, {paths[1][source]}{' mirrored' * mirrored}"
        for target, source, _, distance, mirrored in found.head(12).iter_rows()
    ]
    return [name, f"{pairs:,}", str(least), *map(str, counts)], named


def histograms_of(
    pictures: Pictures, bank: tuple[Any, BankSettings], bins: Path | None, scratch: Path
) -> tuple[Histograms, Path]:
    """Descriptors and histograms; over the pictures' own bins where none are given."""
    name = pictures.name.replace("/", "-").replace(" ", "-")
    descriptors, histograms = scratch / f"{name}.descriptors.h5", scratch / f"{name}.histograms.h5"
    bank_config = bank[1].model_dump(mode="json")
    extraction = Extraction(bank[0], bank[1].grid, bank_config, {"weights": ""}, False)
    extract_descriptors(pictures.table(), pictures.root, extraction, descriptors)
    if bins is None:
        bins = scratch / "bins.h5"
        equalise_bins([descriptors], RETRIEVAL.bins, None, bins)
    build_histograms(descriptors, read_bins(bins), bins, histograms)
    return read_histograms(histograms), bins


def divergence_rows(
    bank_name: str,
    train: Pictures,
    held_out: Pictures,
    sources: Pictures,
    scratch: Path,
    data: Path,
) -> list[list[str]]:
    """A row of each held-out image's nearest source image, and one per kind of copy.

    Shares are those of the divergence of the held-out image's tenth nearest source image.
    """
    scratch.mkdir(parents=True)
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["banks"][bank_name]
    settings: BankSettings = TypeAdapter(BankSettings).validate_python(config)
    weights = getattr(settings, "weights", None)
    bank = (make_bank(settings, data / weights.path if weights else None), settings)
    bins = histograms_of(train, bank, None, scratch)[1]
    targets = histograms_of(held_out, bank, bins, scratch)[0]
    others = histograms_of(sources, bank, bins, scratch)[0]
    nearest = search_exactly(targets, others, USUAL_NEIGHBOUR, RETRIEVAL.epsilon).divergences
    usual = nearest[:, -1]
    rows = [_divergence_row("nearest source image, no copy", nearest[:, 0], usual)]
    for copy in COPIES:
        altered = histograms_of(copied(held_out, copy, scratch), bank, bins, scratch)[0]
        own = np.arange(len(targets.images), dtype=np.int32)[:, None]
        found = divergence_of_candidates(targets, altered, own, RETRIEVAL.epsilon)[:, 0]
        rows.append(_divergence_row(copy.name, found, usual))
    return rows


def _divergence_row(
    name: str, divergence: NDArray[np.float32], usual: NDArray[np.float32]
) -> list[str]:
    return [
        name,
        *(
            ", ".join(f"{value:.2g}" for value in np.percentile(values, [0, 50, 95]))
            for values in (divergence, divergence / usual)
        ),
        *(percent(divergence < share * usual) for share in SHARES),
    ]


def demo_pictures(scratch: Path) -> tuple[Pictures, Pictures, Pictures]:
    """The demo's training pictures, test pictures and source pictures, made from their seeds."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["datasets"]
    for name in ("demo_target", "demo_source"):
        given = {key: config[name][key] for key in ("contents", "styles", "per_class", "seed")}
        synthetic.generate(scratch / name, **given, size=64, quality=90)
    return (
        pictures_in(scratch, "demo_target/train"),
        pictures_in(scratch, "demo_target/test"),
        pictures_in(scratch, "demo_source/train"),
    )


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def hits_of_the_hash(data: Path, scratch: Path) -> list[str]:
    """How many copies the perceptual hash finds."""
    head = ["copy", "bits: median, 95 %, most", *(f"<= {bits}" for bits in BIT_THRESHOLDS)]
    parts = []
    for name in ("flowers17/test", "miniimagenet/test"):
        originals = pictures_in(data, name).some(334)
        parts += [
            f"Hits of the perceptual hash, % of {len(originals.paths)} photographs of {name}, "
            f"by bits of {BITS}\n",
            markdown(head, hash_hits(originals, scratch)),
        ]
    return parts


def alarms_of_the_hash(data: Path, demo: Sequence[Pictures], scratch: Path) -> list[str]:
    """What the perceptual hash takes for copies among pictures that others took or made."""
    flowers_train, flowers, mini_train, mini = (
        pictures_in(data, f"{name}/{split}")
        for name in ("flowers17", "miniimagenet")
        for split in ("train", "test")
    )
    demo_train, demo_test, demo_source = demo
    pictures = (flowers_train, flowers, mini_train, mini, *demo)
    hashed = {some.name: hashes_of(some, scratch) for some in pictures}
    rows, named = [], []
    for held_out, others in (
        (flowers, mini_train),
        (mini, mini_train),
        (flowers, flowers_train),
        (demo_test, demo_source),
        (demo_test, demo_train),
    ):
        name = f"{held_out.name} x {others.name}"
        row, lines = false_alarms(
            name, hashed[held_out.name], hashed[others.name], (held_out.paths, others.paths)
        )
        rows.append(row)
        named += [f"\nNearest of {name}:\n", *lines]
    head = ["pictures", "pairs", "least", *(f"<= {bits}" for bits in BIT_THRESHOLDS)]
    return [
        "Pairs that the perceptual hash flags, by bits\n",
        markdown(head, rows),
        "\n".join(named) + "\n",
    ]


def hits_of_the_divergence(
    data: Path, demo: Sequence[Pictures], banks: Sequence[str], number: int, scratch: Path
) -> list[str]:
    """How many copies the divergence finds, and how many nearest neighbours it takes for some."""
    train, held_out = (pictures_in(data, f"flowers17/{split}") for split in ("train", "test"))
    photographs = (train.some(200), held_out.some(40), pictures_in(data, "miniimagenet/train"))
    drawn = (demo[0], demo[1].some(40), demo[2])
    head = ["copy", "nats: least, median, 95 %", "share: least, median, 95 %"]
    parts = []
    for bank in banks:
        own, held_out, sources = drawn if bank == "gabor_small" else photographs
        found = divergence_rows(bank, own, held_out, sources.some(number), scratch / bank, data)
        parts += [
            f"Hits of the divergence, bank `{bank}`, % of {len(held_out.paths)} pictures of "
            f"{held_out.name}, by shares of the tenth nearest of "
            f"{len(sources.some(number).paths):,} source images\n",
            markdown([*head, *(f"< {share:g}" for share in SHARES)], found),
        ]
    return parts


def main() -> None:
    """Read the command line, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--divergence-sources", type=int, default=1000)
    parser.add_argument(
        "--banks",
        nargs="*",
        choices=("squeezenet", "gabor", "gabor_small"),
        default=["squeezenet", "gabor_small"],  # gabor takes five minutes by itself
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        demo = demo_pictures(scratch)
        text = "\n".join(
            [
                *hits_of_the_hash(chosen.data, scratch),
                *alarms_of_the_hash(chosen.data, demo, scratch),
                *hits_of_the_divergence(
                    chosen.data, demo, chosen.banks, chosen.divergence_sources, scratch
                ),
            ]
        )
    write_text(chosen.output, text)
    print(text)


if __name__ == "__main__":
    main()
