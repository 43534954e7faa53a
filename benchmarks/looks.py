"""Does the choice find the right look? Photographs seen through known cameras: the truth is known.

    python benchmarks/looks.py --output FILE [--data DATA] [--quick]

Target photographs are seen through one camera (`sjft.data.cameras`), source photographs through all
six of them. What is said is how many of a target image's nearest source images the target's camera
has taken, for each camera as the target's, by bank, by the share of such images in the source, by
the length of the lists, by the number of target images (they cut the bins) and by epsilon. Nothing
is trained. One thread, ten minutes. See benchmarks/sample_images.py for DATA.
"""

import csv
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from command_line import Row, parser_of, tables, write_results
from numpy.typing import NDArray
from sample_images import (
    BINS,
    WEIGHTS,
    Images,
    configured_bank,
    data_or_made,
    descriptors_of,
    images_in,
)

from sjft.data.cameras import CAMERAS, photograph_all
from sjft.data.readers.listed import ListedImage
from sjft.descriptors.banks import make_bank
from sjft.retrieval.bins import equalise_bins
from sjft.retrieval.histograms import Histograms, build_histograms, read_histograms
from sjft.retrieval.search import search_exactly
from sjft.settings.bank import CnnBank
from sjft.settings.retrieval import RetrievalSettings

SIZE, QUALITY = 96, 90
SHARES = {"1/2": 2, "1/6": 6, "1/20": 20}
USUAL_SHARE = "1/6"
# The authors' comes first, which is the default.
EPSILONS = (RetrievalSettings(bank="any").epsilon, 1e-10, 1e-6, 1e-4, 1e-3, 1e-2)
BANKS = {
    "Gabor": "gabor_small",
    "SqueezeNet, first layers": "squeezenet_small",
    "SqueezeNet, deeper layers": "deeper",
}
DEEPER_LAYERS = ("features.7.squeeze", "features.12.squeeze")


@dataclass(frozen=True)
class Sizes:
    """How many images are taken; ``listed`` are the lengths of lists, the middle one the usual."""

    targets: tuple[int, ...]
    usual_target: int
    pool: int
    source: int
    listed: tuple[int, int, int]


FULL = Sizes((85, 170, 340, 632), 170, 12_000, 3_600, (10, 50, 200))
QUICK = Sizes((12, 24), 24, 200, 40, (2, 4, 8))


@dataclass(frozen=True)
class Seen:
    """Photographs as cameras show them, and which camera has taken which."""

    images: Images
    cameras: NDArray[np.str_]


def seen_through(cameras: dict[str, float], originals: Images, folder: Path, seed: int) -> Seen:
    """Photograph the originals; images are numbered in the order of their new paths."""
    listed = [ListedImage(path, Path(path).parent.name, "train") for path in originals.paths]
    root = folder / f"{'-'.join(cameras)}-{len(listed)}"
    photograph_all(
        listed, originals.root, root, cameras=cameras, size=SIZE, quality=QUALITY, seed=seed
    )
    with (root / "images.csv").open(encoding="utf-8", newline="") as file:
        style = {row["path"]: row["style"] for row in csv.DictReader(file)}
    images = Images(root.name, root, images_in(root, "train").paths)
    return Seen(images, np.array([style[path] for path in images.paths]))


def mixture(cameras: NDArray[np.str_], right: str, one_of: int, size: int) -> NDArray[np.intp]:
    """Rows of a source of which one image of ``one_of`` is the right camera's, evenly taken."""
    wanted = size // one_of
    rows = [
        np.flatnonzero((cameras == right) == is_right)[: wanted if is_right else size - wanted]
        for is_right in (True, False)
    ]
    if [len(found) for found in rows] != [wanted, size - wanted]:
        raise SystemExit(f"--data: too few photographs for a source of {size}, 1 of {one_of} right")
    return np.sort(np.concatenate(rows))


def histograms_over(
    bank: str, data: Path, target: Images, source: Images, scratch: Path
) -> tuple[Histograms, Histograms]:
    """Of target and source, over the target's bins; descriptors are kept in ``scratch``."""
    made = deeper_bank(data) if bank == "deeper" else configured_bank(bank, data)
    folder = scratch / bank
    folder.mkdir(exist_ok=True)
    descriptors = [descriptors_of(images, made, folder) for images in (target, source)]
    bins = folder / f"{target.name}.bins.h5"
    equalise_bins([descriptors[0]], BINS, None, bins)
    found = []
    for path in descriptors:
        output = path.with_suffix(".histograms.h5")
        build_histograms(path, bins, output)
        found.append(read_histograms(output))
        output.unlink()
    return found[0], found[1]


def deeper_bank(data: Path) -> tuple[object, CnnBank]:
    """As `squeezenet_small`, of layers in the middle and near the end of the network."""
    first = configured_bank("squeezenet_small", data)[1]
    assert isinstance(first, CnnBank), first
    settings = first.model_copy(update={"layers": DEEPER_LAYERS})
    return make_bank(settings, data / WEIGHTS), settings


def right_of(
    target: Histograms, source: Histograms, is_right: NDArray[np.bool_], listed: int, epsilon: float
) -> NDArray[np.float64]:
    """Share of right images among the nearest 1, 2, ... ``listed``, mean over target images."""
    lists = search_exactly(target, source, listed, epsilon)
    row_of_image = np.zeros(int(source.images.max()) + 1, np.intp)
    row_of_image[source.images] = np.arange(len(source.images))
    right = is_right[row_of_image[lists.sources]].mean(axis=0)
    return np.asarray(np.cumsum(right) / np.arange(1, listed + 1))


def measure(data: Path, sizes: Sizes, scratch: Path) -> Iterator[Row]:
    """A row for each target camera, number of target images, bank, share and epsilon."""
    pool = images_in(data, "miniimagenet/train").some(sizes.pool)
    source = seen_through(dict.fromkeys(CAMERAS, 1.0), pool, scratch, seed=2)
    for camera in CAMERAS:
        for number in sizes.targets:
            originals = images_in(data, "flowers17/train").some(number)
            target = seen_through({camera: 1.0}, originals, scratch, seed=1)
            for bank, entry in BANKS.items():
                both = histograms_over(entry, data, target.images, source.images, scratch)
                for share, epsilon in cases(number == sizes.usual_target):
                    rows = mixture(source.cameras, camera, SHARES[share], sizes.source)
                    is_right = source.cameras[rows] == camera
                    longest = sizes.listed[-1]
                    found = right_of(both[0], both[1].take(rows), is_right, longest, epsilon)
                    wanted = {nearest(k): float(found[k - 1]) for k in sizes.listed}
                    what = {"camera": camera, "target images": number, "bank": bank}
                    yield {**what, "share": share, "epsilon": epsilon, **wanted}


def nearest(listed: int) -> str:
    """The column of lists that are so long."""
    return f"nearest {listed}"


def cases(usual: bool) -> Iterator[tuple[str, float]]:
    """Which share and which epsilon are looked at; all but the usual with the usual target."""
    for share in SHARES if usual else [USUAL_SHARE]:
        yield share, EPSILONS[0]
    for epsilon in EPSILONS[1:] if usual else []:
        yield USUAL_SHARE, epsilon


def per_cent(values: list[float]) -> str:
    """Mean over the cameras, and the one that fares worst; of one camera its own."""
    worst = f" ({100 * min(values):.1f})" if len(values) > 1 else ""
    return f"{100 * fmean(values):.1f}{worst}"


def summaries(rows: list[Row], sizes: Sizes) -> dict[str, list[Row]]:
    """The tables: what is not named in one is as usual."""
    length = sizes.listed[1]
    usual = {
        "target images": sizes.usual_target,
        "share": USUAL_SHARE,
        "epsilon": EPSILONS[0],
    }

    def cell(listed: int = length, **wanted: object) -> str:
        chosen = (usual | wanted).items()
        return per_cent([row[nearest(listed)] for row in rows if chosen <= row.items()])

    tables_of: dict[str, list[Row]] = {
        f"By the share of the right look in the source, nearest {length}": [],
        f"By the length of the lists, {USUAL_SHARE} right": [],
        f"By the target's camera, {USUAL_SHARE} right, nearest {length}": [],
        f"By the number of target images, {USUAL_SHARE} right, nearest {length}": [],
        f"By epsilon, {USUAL_SHARE} right, nearest {length}": [],
    }
    for bank in BANKS:
        columns: tuple[Row, ...] = (
            {f"{share} right": cell(bank=bank, share=share) for share in SHARES},
            {nearest(k): cell(k, bank=bank) for k in sizes.listed},
            {name: cell(bank=bank, camera=name) for name in CAMERAS},
            {f"{n} images": cell(bank=bank, **{"target images": n}) for n in sizes.targets},
            {f"{epsilon:.2g}": cell(bank=bank, epsilon=epsilon) for epsilon in EPSILONS},
        )
        for table, own in zip(tables_of.values(), columns, strict=True):
            table.append({"bank": bank, **own})
    return tables_of


def check(rows: list[Row], sizes: Sizes) -> None:
    """Shares are shares, and neighbours are of the right look more often than by chance."""
    assert all(0.0 <= row[nearest(k)] <= 1.0 for row in rows for k in sizes.listed), rows
    sixth = [row[nearest(sizes.listed[0])] for row in rows if row["share"] == USUAL_SHARE]
    assert fmean(sixth) > 1.5 / SHARES[USUAL_SHARE], rows


def main() -> None:
    """Measure, write the tables, and check."""
    chosen = parser_of(__doc__).parse_args()
    sizes = QUICK if chosen.quick else FULL
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        data = data_or_made(chosen.data, scratch / "data", chosen.quick)
        rows = list(measure(data, sizes, scratch))
    found = summaries(rows, sizes)
    write_results(chosen.output, tables(found), {"tables": found, "rows": rows})
    check(rows, sizes)


if __name__ == "__main__":
    main()
