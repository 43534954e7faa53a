"""What extracting descriptors costs, beside a plain chain and beside its own decoding and network.

    python benchmarks/extraction.py --output FILE [--data FOLDER] [--quick]

FOLDER holds JPEG photographs, at any depth. One thread. The bank is shaped like torchvision's
AlexNet, conv1 and conv2, with random weights: times do not depend on them, sizes do a little. Each
round measures every part, one after the other, in processor time, so that a busy machine slows all
alike; medians of the rounds, and of each round's ratios. As on a processor without AVX-512:

    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 NUMBA_CPU_NAME=haswell NUMBA_CPU_FEATURES= \\
        OPENBLAS_CORETYPE=Haswell python benchmarks/extraction.py --output FILE
"""

import math
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import llvmlite.binding
import numpy as np
import polars as pl
import torch
from command_line import in_turns, parser_of, write_results
from numpy.typing import NDArray
from PIL import Image
from sample_images import data_or_made, enlarged, photographs
from torch import Tensor, nn
from torchvision.transforms import functional as transforms

from sjft.data.pixels import load_pixels
from sjft.descriptors import winograd
from sjft.descriptors.banks import make_bank
from sjft.descriptors.banks.bank import FilterBank
from sjft.descriptors.banks.cnn import CnnFilterBank
from sjft.descriptors.extraction import IMAGES_A_BATCH, Extraction, extract_descriptors
from sjft.descriptors.file import open_descriptors
from sjft.descriptors.levels import every_level, level_boundaries, levels_of, number_of_levels
from sjft.networks.pretrained import load_network
from sjft.retrieval.bins import Bins, equalise_bins, read_bins
from sjft.retrieval.histograms import build_histograms, read_histograms
from sjft.settings.bank import CnnBank
from sjft.settings.weights import RandomWeights
from sjft.storage.markdown import table

BINS = 100
WEIGHTS = RandomWeights(source="random", seed=0)
SETTINGS = CnnBank(type="cnn", network="alexnet", weights=WEIGHTS)


class PlainChain:
    """What one would write first: Pillow, one image at a time, numpy's histograms."""

    def __init__(self, bins: Bins) -> None:
        """Cut torchvision's AlexNet off; take the edges of the bins."""
        features = load_network("alexnet", WEIGHTS, None).eval().features
        assert isinstance(features, nn.Sequential)
        self._first, self._second = features[:2], features[2:5]
        self._mean = torch.tensor(SETTINGS.mean).view(3, 1, 1)
        self._std = torch.tensor(SETTINGS.std).view(3, 1, 1)
        boundaries = level_boundaries(SETTINGS.grid)
        self._edges = [boundaries[np.unique(edges)] for edges in bins.edges]

    @torch.inference_mode()
    def __call__(self, path: Path) -> list[NDArray[np.int64]]:
        """Histograms of one image's responses, channel by channel."""
        size = (SETTINGS.resize, SETTINGS.resize)
        with Image.open(path) as image:
            resized = image.convert("RGB").resize(size, Image.Resampling.BILINEAR)
        pixels: Tensor = transforms.to_tensor(transforms.center_crop(resized, [SETTINGS.crop] * 2))
        first = self._first(((pixels - self._mean) / self._std)[None])
        channels = [*first[0].flatten(1).numpy(), *self._second(first)[0].flatten(1).numpy()]
        return [
            np.histogram(channel, edges)[0]
            for channel, edges in zip(channels, self._edges, strict=True)
        ]


class OurChain:
    """The program's own parts, on the same images."""

    def __init__(self, paths: list[Path], scratch: Path) -> None:
        """Make the bank; extract descriptors and find bins once."""
        bank = make_bank(SETTINGS, None)
        assert isinstance(bank, CnnFilterBank)
        self.bank, self.paths, self._scratch = bank, paths, scratch
        with patch.object(winograd, "LEAST_GAIN", math.inf):
            self.direct = make_bank(SETTINGS, None)  # torch's own convolutions alone
        self._table = pl.DataFrame(
            {"image": range(len(paths)), "path": [str(path) for path in paths]},
            schema={"image": pl.Int32, "path": pl.String},
        )
        self.descriptors = scratch / "descriptors.h5"
        self.histograms = scratch / "histograms.h5"
        self.extract()
        equalise_bins([self.descriptors], BINS, None, scratch / "bins.h5")
        self.bins = read_bins(scratch / "bins.h5")
        self.rebin()

    def extract(self) -> None:
        """From the files to the descriptor file."""
        config = SETTINGS.deciding
        job = Extraction(self.bank, SETTINGS.grid, config, {"weights": ""}, False)
        extract_descriptors(self._table, Path(), job, self.descriptors)

    def decode(self) -> list[Tensor]:
        """Decoding, resizing and cropping alone, in batches."""
        starts = range(0, len(self.paths), IMAGES_A_BATCH)
        batches = [self.paths[start : start + IMAGES_A_BATCH] for start in starts]
        return [
            torch.stack([self.bank.prepare(load_pixels(path)) for path in batch])
            for batch in batches
        ]

    def decode_and_convolve(self, bank: FilterBank) -> None:
        """What must be done before anything can be counted."""
        for batch in self.decode():
            bank.responses(batch)

    def rebin(self) -> None:
        """From the descriptor file to the histogram file."""
        build_histograms(self.descriptors, self._scratch / "bins.h5", self.histograms)


def check(ours: OurChain) -> None:
    """Compare every count with numpy's, of the same responses and in float64."""
    number = number_of_levels(SETTINGS.grid)
    boundaries = level_boundaries(SETTINGS.grid)
    levels = every_level(len(ours.bins.edges), SETTINGS.grid)
    with open_descriptors(ours.descriptors) as file:
        blocks = file.blocks(IMAGES_A_BATCH, levels, number, np.uint32)
        for batch, counts in zip(ours.decode(), blocks, strict=True):
            layers = [layer.numpy().astype(np.float64) for layer in ours.bank.responses(batch)]
            for image in range(len(batch)):
                channels = [channel for layer in layers for channel in layer[image]]
                for values, found in zip(channels, counts[image], strict=True):
                    # After a ReLU: a level holds its lower boundary; zero's lies between two zeros.
                    level = np.searchsorted(boundaries, values, side="right") - 1
                    level[values == 0] -= 1
                    assert (np.bincount(level, minlength=number) == found).all()
    histograms = read_histograms(ours.histograms)
    assert (histograms.counts.sum(axis=2) == histograms.positions).all()


def moved(ours: OurChain) -> float:
    """Share of responses whose level is not that of torch's own convolutions."""
    (batch, *_) = ours.decode()
    pairs = zip(ours.bank.responses(batch), ours.direct.responses(batch), strict=True)
    levels = [[levels_of(one.numpy(), SETTINGS.grid) for one in pair] for pair in pairs]
    different = sum(int((one != other).sum()) for one, other in levels)
    return different / sum(one.size for one, _ in levels)


def instruction_set() -> str:
    """What torch's and numba's compiled code use here; both are chosen as the process starts."""
    vectors = "AVX-512" if "avx512f" in ",".join(compiled_for()[1:]) else "no AVX-512"
    return f"torch {torch.backends.cpu.get_cpu_capability()}, numba {compiled_for()[0]} ({vectors})"


def compiled_for() -> tuple[str, str]:
    """The processor and its features that numba compiles for."""
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        flags = llvmlite.binding.get_host_cpu_features()
        features = ",".join(name for name, there in flags.items() if there)
    return os.environ.get("NUMBA_CPU_NAME") or llvmlite.binding.get_host_cpu_name(), features


def results(times: dict[str, list[float]], ours: OurChain) -> dict[str, Any]:
    """Medians, ratios and sizes, as they are written."""

    def ratio(one: str, other: str) -> float:
        pairs = zip(times[one], times[other], strict=True)
        return statistics.median(a / b for a, b in pairs)

    images = len(ours.paths)
    return {
        "images": images,
        "instruction set": instruction_set(),
        "rounds": len(times["extraction"]),
        "milliseconds an image": {name: statistics.median(of) for name, of in times.items()},
        "range": {name: [min(of), max(of)] for name, of in times.items()},
        "plain chain / extraction": ratio("plain chain", "extraction"),
        # What no counting, however fast, could exceed.
        "plain chain / our decoding and network": ratio("plain chain", "decoding and network"),
        "extraction / its decoding and network": ratio("extraction", "decoding and network"),
        "extraction / decoding and torch's own network": ratio(
            "extraction", "decoding and torch's own network"
        ),
        "responses on another level than by torch's own network, %": 100 * moved(ours),
        "extraction / re-binning": ratio("extraction", "re-binning"),
        "descriptor bytes an image": ours.descriptors.stat().st_size / images,
        "histogram bytes an image": ours.histograms.stat().st_size / images,
    }


def markdown(found: dict[str, Any]) -> str:
    """The results as a Markdown table."""
    rows = [("what", "figure"), ("instruction set", found["instruction set"])]
    for name, median in found["milliseconds an image"].items():
        low, high = found["range"][name]
        rows.append((name, f"{median:.2f} ms an image ({low:.2f} to {high:.2f})"))
    for name, value in found.items():
        if "/" in name:
            rows.append((name, f"{value:.2f}"))
        elif "%" in name:
            rows.append((name, f"{value:.4f}"))
        elif "bytes" in name:
            rows.append((name, f"{value:,.0f}"))
    return "\n".join(table(rows)) + "\n"


def main() -> None:
    """Read the command line, measure, write."""
    parser = parser_of(__doc__)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--as-they-are", action="store_true", help="do not resize to 500x375")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        data = data_or_made(chosen.data, scratch / "data", chosen.quick)
        paths = photographs(data, 20 if chosen.quick else chosen.images)
        ours = OurChain(paths if chosen.as_they_are else enlarged(paths, scratch), scratch)
        check(ours)
        plain = PlainChain(ours.bins)
        parts = {
            "plain chain": lambda: [plain(path) for path in ours.paths],
            "decoding": ours.decode,
            "decoding and network": lambda: ours.decode_and_convolve(ours.bank),
            "decoding and torch's own network": lambda: ours.decode_and_convolve(ours.direct),
            "extraction": ours.extract,
            "re-binning": ours.rebin,
        }
        seconds = in_turns(parts, 1 if chosen.quick else chosen.rounds, time.process_time)
        times = {name: [1000 * s / len(paths) for s in of] for name, of in seconds.items()}
        found = results(times, ours)
    write_results(chosen.output, markdown(found), found)


if __name__ == "__main__":
    main()
