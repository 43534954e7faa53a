"""Hit and false-alarm rates of the leakage check, from which its default thresholds were chosen.

    python benchmarks/leakage.py --output FILE [--data DATA] [--alike FOLDER] [--quick]

Hits are measured on altered copies of test photographs, false alarms on pairs of images that are
no copies of each other. One core, two to three minutes. See benchmarks/sample_images.py for DATA.

`--alike` looks in the same way at a folder of images that are much alike, and no two of them
copies: that it is so is for you to see to.
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
from command_line import Row, parser_of, tables, write_results
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from sample_images import CONFIG, Images, configured_bank, data_or_made, histograms_of, images_in

from sjft.data import synthetic
from sjft.data.pixels import load_rgb
from sjft.leakage.copies import find_copies
from sjft.leakage.hashes import ImageHashes, hash_images, read_hashes
from sjft.leakage.perceptual_hash import BITS, hash_distances
from sjft.leakage.table import USUAL_NEIGHBOUR
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.search import search_exactly
from sjft.settings.retrieval import LeakageSettings, RetrievalSettings

BIT_THRESHOLDS = (30, 40, 50, 60, 70, 80)
HITS_HEAD = ("copy", "bits: median, 95 %, most", *(f"<= {bits}" for bits in BIT_THRESHOLDS))
SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
RETRIEVAL = RetrievalSettings(bank="any")
# Images that are copied for the hash, and for the divergence; and sources for the latter.
COPIED, COPIED_QUICKLY = (334, 40), (8, 8)


def _crop(left: float, top: float, right: float, bottom: float) -> Callable[..., Image.Image]:
    """Cut shares of the width or height off the sides."""

    def crop(image: Image.Image, _: np.random.Generator) -> Image.Image:
        return _cut(image, left, top, right, bottom)

    return crop


def _cut(image: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = image.size
    across, down = (left * width, (1 - right) * width), (top * height, (1 - bottom) * height)
    return image.crop((round(across[0]), round(down[0]), round(across[1]), round(down[1])))


def _random_crop(share: float) -> Callable[..., Image.Image]:
    return lambda image, rng: _cut(image, *rng.uniform(0, share, 4))


def _square(image: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.fit(image, (min(image.size),) * 2)


def _resize(factor: float) -> Callable[..., Image.Image]:
    return lambda image, _: ImageOps.scale(image, factor, Image.Resampling.BICUBIC)


def _enhance(kind: Any, factor: float) -> Callable[..., Image.Image]:
    return lambda image, _: kind(image).enhance(factor)


def _mirror(image: Image.Image, _: np.random.Generator) -> Image.Image:
    return ImageOps.mirror(image)


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


def copied(originals: Images, copy: Copy, scratch: Path) -> Images:
    """Make one altered copy of each image."""
    folder = scratch / copy.name.replace(" ", "-")
    folder.mkdir(parents=True)
    names = []
    for number, path in enumerate(originals.paths):
        image, rng = load_rgb(originals.root / path), np.random.default_rng(number)
        for edit in copy.edits:
            image = edit(image, rng)
        names.append(f"{number:05d}.{'jpg' if copy.quality else 'png'}")
        if copy.quality:
            image.save(folder / names[-1], quality=copy.quality)
        else:
            image.save(folder / names[-1], compress_level=1)
    return Images(copy.name, folder, names)


def hashes_of(images: Images, scratch: Path) -> ImageHashes:
    """Hash files, as the stage makes them."""
    path = scratch / f"{images.name.replace('/', '-').replace(' ', '-')}.hashes.h5"
    skipped = hash_images(images.table(), images.root, path, {})
    assert skipped.is_empty(), skipped
    return read_hashes([path])


def hash_hits(originals: Images, scratch: Path) -> list[list[str]]:
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
    name: str, held_out: ImageHashes, others: ImageHashes, paths: tuple[list[str], list[str]]
) -> tuple[list[str], list[Row]]:
    """A row with the number of pairs by threshold, and rows that name the nearest pairs."""
    widest = max(BIT_THRESHOLDS)
    found = find_copies(held_out, others, widest).filter(pl.col("hash_distance").is_not_null())
    found = found.sort("hash_distance")
    counts = [(found["hash_distance"] <= threshold).sum() for threshold in BIT_THRESHOLDS]
    pairs = len(held_out.images) * len(others.images)
    least = found["hash_distance"].min() if len(found) else f"over {widest}"
    named = [
        {"bits": distance, "one": paths[0][target], "other": paths[1][source], "mirrored": mirrored}
        for target, source, _, distance, mirrored in found.head(12).iter_rows()
    ]
    return [name, f"{pairs:,}", str(least), *map(str, counts)], named


def among_alike(folder: Path, number: int, scratch: Path) -> dict[str, list[Row]]:
    """The hash on images that are much alike: the nearest other image of each, and hits."""
    images = images_in(folder, ".")
    hashed = hashes_of(images, scratch)
    distance = hash_distances(hashed.bits, hashed.bits)[0].astype(int)
    np.fill_diagonal(distance, BITS)
    nearest = distance.min(axis=1)
    counts = {f"<= {bits}": int((nearest <= bits).sum()) for bits in BIT_THRESHOLDS}
    some = Images("alike", folder, images.some(number).paths)
    of_others = f"Images of {len(nearest)} alike that have another one so near, by bits of {BITS}"
    of_copies = f"Hits of the perceptual hash, % of {len(some.paths)} images alike"
    return {
        of_others: [{"least": int(nearest.min()), **counts}],
        of_copies: rows_under(HITS_HEAD, hash_hits(some, scratch)),
    }


def divergence_rows(
    bank_name: str,
    train: Images,
    held_out: Images,
    sources: Images,
    scratch: Path,
    data: Path,
) -> list[list[str]]:
    """A row of each held-out image's nearest source image, and one per kind of copy.

    Shares are those of the divergence of the held-out image's tenth nearest source image.
    """
    scratch.mkdir(parents=True)
    bank = configured_bank(bank_name, data)
    bins = histograms_of(train, bank, None, scratch)[1]
    targets = histograms_of(held_out, bank, bins, scratch)[0]
    others = histograms_of(sources, bank, bins, scratch)[0]
    nearest = search_exactly(targets, others, USUAL_NEIGHBOUR, RETRIEVAL.epsilon).divergences
    usual = nearest[:, -1]
    rows = [_divergence_row("nearest source image, no copy", nearest[:, 0], usual)]
    for copy in COPIES:
        altered = histograms_of(copied(held_out, copy, scratch), bank, bins, scratch)[0]
        found = np.diag(ExactDivergence(targets, RETRIEVAL.epsilon).to(altered))
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


def demo_images(scratch: Path, quick: bool) -> tuple[Images, Images, Images]:
    """The demo's training images, test images and source images, made from their seeds."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["datasets"]
    for name in ("demo_target", "demo_source"):
        given = {key: config[name][key] for key in ("contents", "styles", "per_class", "seed")}
        if quick:
            given["per_class"] = dict.fromkeys(given["per_class"], 16)
        synthetic.generate(scratch / name, **given, size=64, quality=90)
    return (
        images_in(scratch, "demo_target/train"),
        images_in(scratch, "demo_target/test"),
        images_in(scratch, "demo_source/train"),
    )


def hits_of_the_hash(data: Path, number: int, scratch: Path) -> dict[str, list[Row]]:
    """How many copies the perceptual hash finds."""
    found = {}
    for name in ("flowers17/test", "miniimagenet/test"):
        originals = images_in(data, name).some(number)
        heading = (
            f"Hits of the perceptual hash, % of {len(originals.paths)} photographs of {name}, "
            f"by bits of {BITS}"
        )
        found[heading] = rows_under(HITS_HEAD, hash_hits(originals, scratch))
    return found


def rows_under(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Row]:
    """Rows by the names of their columns."""
    return [dict(zip(head, row, strict=True)) for row in rows]


def alarms_of_the_hash(data: Path, demo: Sequence[Images], scratch: Path) -> dict[str, list[Row]]:
    """What the perceptual hash takes for copies among images that others took or made."""
    flowers_train, flowers, mini_train, mini = (
        images_in(data, f"{name}/{split}")
        for name in ("flowers17", "miniimagenet")
        for split in ("train", "test")
    )
    demo_train, demo_test, demo_source = demo
    images = (flowers_train, flowers, mini_train, mini, *demo)
    hashed = {some.name: hashes_of(some, scratch) for some in images}
    rows, nearest = [], []
    for held_out, others in (
        (flowers, mini_train),
        (mini, mini_train),
        (flowers, flowers_train),
        (demo_test, demo_source),
        (demo_test, demo_train),
    ):
        name = f"{held_out.name} x {others.name}"
        row, pairs = false_alarms(
            name, hashed[held_out.name], hashed[others.name], (held_out.paths, others.paths)
        )
        rows.append(row)
        nearest += pairs
    head = ["images", "pairs", "least", *(f"<= {bits}" for bits in BIT_THRESHOLDS)]
    return {
        "Pairs that the perceptual hash flags, by bits": rows_under(head, rows),
        "The nearest of them": nearest,
    }


def hits_of_the_divergence(
    data: Path, demo: Sequence[Images], chosen: argparse.Namespace, copied: int, scratch: Path
) -> dict[str, list[Row]]:
    """How many copies the divergence finds, and how many nearest neighbours it takes for some."""
    train, held_out = (images_in(data, f"flowers17/{split}") for split in ("train", "test"))
    photographs = (train.some(200), held_out.some(copied), images_in(data, "miniimagenet/train"))
    drawn = (demo[0], demo[1].some(copied), demo[2])
    head = ["copy", "nats: least, median, 95 %", "share: least, median, 95 %"]
    head += [f"< {share:g}" for share in SHARES]
    found = {}
    for bank in ["gabor_small"] if chosen.quick else chosen.banks:
        own, held_out, sources = drawn if bank == "gabor_small" else photographs
        sources = sources.some(chosen.divergence_sources)
        rows = divergence_rows(bank, own, held_out, sources, scratch / bank, data)
        heading = (
            f"Hits of the divergence, bank `{bank}`, % of {len(held_out.paths)} images of "
            f"{held_out.name}, by shares of the tenth nearest of {len(sources.paths):,} source "
            "images"
        )
        found[heading] = rows_under(head, rows)
    return found


def check(found: dict[str, list[Row]]) -> None:
    """Images that are saved anew are found, with the default threshold."""
    default = f"<= {LeakageSettings().hash_distance}"
    for heading, rows in found.items():
        if heading.startswith("Hits of the perceptual hash"):
            assert all(row[default] == "100.0" for row in rows[:3]), (heading, rows[:3])


def main() -> None:
    """Measure, write the tables, and check."""
    parser = parser_of(__doc__)
    parser.add_argument("--divergence-sources", type=int, default=1000)
    parser.add_argument(
        "--banks",
        nargs="*",
        choices=("squeezenet", "gabor", "gabor_small"),
        default=["squeezenet", "gabor_small"],  # gabor takes five minutes by itself
    )
    parser.add_argument("--alike", type=Path, metavar="FOLDER", help="JPEG files much alike")
    chosen = parser.parse_args()
    by_hash, by_divergence = COPIED_QUICKLY if chosen.quick else COPIED
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        data = data_or_made(chosen.data, scratch / "data", chosen.quick)
        demo = demo_images(scratch, chosen.quick)
        found = {
            **hits_of_the_hash(data, by_hash, scratch),
            **alarms_of_the_hash(data, demo, scratch),
            **hits_of_the_divergence(data, demo, chosen, by_divergence, scratch),
            **(among_alike(chosen.alike, by_hash, scratch) if chosen.alike else {}),
        }
    write_results(chosen.output, tables(found), {"tables": found})
    check(found)


if __name__ == "__main__":
    main()
