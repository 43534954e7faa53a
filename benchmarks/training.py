"""What a step of training costs, beside the same network's bare passes; and what loading costs.

    python benchmarks/training.py --output FILE [--data FOLDER] [--quick]

FOLDER holds JPEG photographs, at any depth. ResNet-18 with random weights, half of a batch target
and half source. Each round measures every part, one after the other, so that a busy machine slows
all alike; medians of the rounds, and of each round's ratios. On a CPU one thread and its processor
time: there loading and network are on the same cores, one after the other, and stand side by side
in the table. With `--device cuda`, the time that passes, all `--threads` but one loading ahead.

"Plain loading" is what one would write first: Pillow, and torchvision's RandomShortestSize,
RandomCrop and RandomHorizontalFlip.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from command_line import parser_of, write_results
from PIL import Image
from sample_images import data_or_made, enlarged, photographs
from torch import Tensor, nn
from torchvision.models import get_model
from torchvision.transforms import v2

from sjft.networks.joint import JointNetwork, joint_network
from sjft.networks.preprocess import normalised
from sjft.settings.training import TrainingSettings
from sjft.settings.weights import RandomWeights
from sjft.storage.markdown import table
from sjft.training.batches import Batch, JointBatches, LabelledImages
from sjft.training.cache import ImageCache
from sjft.training.loading import load_batches
from sjft.training.pairing import AnySource, Pairing
from sjft.training.round import train

CLASSES = (17, 100)
NETWORK = "resnet18"
WEIGHTS = RandomWeights(source="random", seed=0)
BARE, BARE_UPDATE = "forward and backward", "forward, backward and SGD"
STEP, TWO = "a step of the program", "the same in two passes"
FROM_CACHE, FROM_FILES = "a step, images from the cache", "a step, images from files"
LOAD_CACHE, LOAD_FILES = "loading from the cache", "loading from files"
PLAIN = "plain loading"


class Bare:
    """torchvision's network and torch's optimiser, on tensors in memory."""

    def __init__(self, batch: Batch, device: torch.device) -> None:
        """Take the images and labels of a batch."""
        torch.manual_seed(0)
        module: nn.Module = get_model(NETWORK, num_classes=sum(CLASSES))
        self.module = module.to(device).to(memory_format=torch.channels_last).train()
        self.optimiser = torch.optim.SGD(self.module.parameters(), 0.01, 0.9, weight_decay=1e-4)
        shifted = batch.source_labels + CLASSES[0]
        self._images = batch.images
        self._labels = torch.cat([batch.target_labels, shifted])
        self._on_gpu = device.type == "cuda"

    def passes(self, parts: int = 1) -> None:
        """Forward in so many passes, one backward."""
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, enabled=self._on_gpu):
            scores = [self.module(images) for images in self._images.chunk(parts)]
            labels = self._labels.chunk(parts)
            losses = [F.cross_entropy(s, of) for s, of in zip(scores, labels, strict=True)]
            loss: Tensor = torch.stack(losses).sum()
        loss.backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Forward, backward, and a step of the optimiser."""
        self.passes()
        self.optimiser.step()


class Ours:
    """The program's loop, on the same photographs."""

    def __init__(
        self,
        paths: list[Path],
        size: int,
        batch: int,
        device: torch.device,
        threads: int | None = None,
    ) -> None:
        """Half of the paths are targets, half sources; ``threads``: 1, beside a GPU all cores."""
        half = len(paths) // 2
        self.device, self.batch = device, batch
        usual = 1 if device.type == "cpu" else len(os.sched_getaffinity(0))
        self.threads = threads or usual
        self._targets = LabelledImages(paths[:half], np.arange(half) % CLASSES[0])
        self._sources = LabelledImages(paths[half : 2 * half], np.arange(half) % CLASSES[1])
        self.settings = TrainingSettings(
            network=NETWORK,
            weights=WEIGHTS,
            input_size=size,
            resize=(round(size * 8 / 7), round(size * 15 / 7)),
            target_batch=batch // 2,
            accumulate=1,
            updates=1,
            device=device.type,
        )
        self.network = self.new_network()
        self.cached = self.batches(10_000)
        self.uncached = self.batches(0)
        self.given = next(self.loaded(self.uncached, range(1)))

    def new_network(self) -> JointNetwork:
        """A network with two heads, always the same."""
        classes = [[f"{side} {c}" for c in range(n)] for side, n in zip("ts", CLASSES, strict=True)]
        return joint_network(NETWORK, WEIGHTS, None, classes[0], classes[1], seed=0)

    def batches(self, cache_mb: float) -> JointBatches:
        """The photographs, cut and resized as the settings say."""
        half = len(self._targets.paths)
        pairing = Pairing(half, self.settings.target_batch, AnySource(half), 0)
        cache = ImageCache(cache_mb, self.settings.resize[1])
        return JointBatches(self._targets, self._sources, pairing, self.settings, 0, cache)

    def loaded(self, batches: JointBatches, steps: range) -> Iterator[Batch]:
        """Batches as they are trained on."""
        return load_batches(batches, steps, self.settings, self.threads, self.device)

    def load(self, batches: JointBatches, steps: int) -> float:
        """Seconds of loading alone."""
        started = self.clock()
        for _ in self.loaded(batches, range(steps)):
            pass
        return self.clock() - started

    def train(self, batches: JointBatches | None, steps: int) -> float:
        """Seconds of the loop, on one batch again and again, or on what is loaded.

        From one batch being asked for to another being asked for, so that what is done once a round
        does not count; the first two updates make the optimiser's memory and do not either.
        """
        asked: list[float] = []

        def given() -> Iterator[Batch]:
            number = steps + 3
            for batch in (
                [self.given] * number if batches is None else self.loaded(batches, range(number))
            ):
                yield batch
                asked.append(self.clock())

        settings = self.settings.model_copy(update={"updates": steps + 3})
        train(self.network, lambda _: given(), settings, self.device)
        return asked[-1] - asked[1]

    def clock(self) -> float:
        """Processor time, or beside a GPU the time when it has done what it was given."""
        if self.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()

    def plain_load(self, steps: int) -> float:
        """Seconds of what one would write first, one image at a time."""
        started = self.clock()
        low, high = self.settings.resize
        augment = v2.Compose(
            [
                v2.RandomShortestSize(list(range(low, high + 1)), antialias=True),
                v2.RandomCrop(self.settings.input_size),
                v2.RandomHorizontalFlip(),
                v2.PILToTensor(),
            ]
        )
        for step in range(steps):
            images = []
            for path in self.uncached.outline(step).paths:
                with Image.open(path) as image:
                    images.append(augment(image.convert("RGB")))
            normalised(torch.stack(images), self.settings.mean, self.settings.std)
        return self.clock() - started


def check(ours: Ours) -> None:
    """Compare a step with plain autograd, and the cache with the files."""
    for _ in range(2):  # the second time from the cache
        for step in range(3):
            assert torch.equal(ours.cached[step].images, ours.uncached[step].images)
    network, batch = ours.new_network(), ours.given
    plain = ours.new_network().module.to(ours.device).train()
    scores = plain(batch.images)
    cut = len(batch.target_labels)
    loss = F.cross_entropy(scores[:cut, : CLASSES[0]], batch.target_labels)
    loss = loss + F.cross_entropy(scores[cut:, CLASSES[0] :], batch.source_labels)
    optimiser = torch.optim.SGD(plain.parameters(), 0.01, 0.9, weight_decay=1e-4)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    settings = ours.settings.model_copy(update={"precision": "float32"})
    history = train(network, lambda _: [batch], settings, ours.device)
    total = history["target_loss"][0] + history["source_loss"][0]
    torch.testing.assert_close(total, loss.item(), rtol=1e-4, atol=0)
    for name, tensor in network.module.state_dict().items():
        torch.testing.assert_close(tensor, plain.state_dict()[name], rtol=1e-3, atol=1e-4)


def parts_of(ours: Ours, bare: Bare, steps: int) -> dict[str, Callable[[], float]]:
    """What is measured, each for so many steps: functions that return seconds."""

    def repeated(call: Callable[..., None], *given: Any) -> Callable[[], float]:
        def seconds() -> float:
            started = ours.clock()
            for _ in range(steps):
                call(*given)
            return ours.clock() - started

        return seconds

    return {
        BARE: repeated(bare.passes),
        BARE_UPDATE: repeated(bare.update),
        TWO: repeated(bare.passes, 2),
        STEP: lambda: ours.train(None, steps),
        FROM_CACHE: lambda: ours.train(ours.cached, steps),
        FROM_FILES: lambda: ours.train(ours.uncached, steps),
        LOAD_CACHE: lambda: ours.load(ours.cached, steps),
        LOAD_FILES: lambda: ours.load(ours.uncached, steps),
        PLAIN: lambda: ours.plain_load(steps),
    }


def measure(
    parts: dict[str, Callable[[], float]], images: int, rounds: int
) -> dict[str, list[float]]:
    """Milliseconds an image of each part, in rounds of all parts; a first round is left out."""
    times: dict[str, list[float]] = {name: [] for name in parts}
    for number in range(rounds + 1):
        for name, part in parts.items():
            seconds = part()
            if number:
                times[name].append(1000 * seconds / images)
    return times


def results(times: dict[str, list[float]]) -> dict[str, Any]:
    """Medians and ratios, as they are written."""

    def ratio(one: str, other: str) -> float:
        pairs = zip(times[one], times[other], strict=True)
        return statistics.median(a / b for a, b in pairs)

    asked = [(STEP, BARE), (STEP, BARE_UPDATE), (TWO, BARE), (FROM_CACHE, BARE_UPDATE)]
    asked += [(FROM_FILES, BARE_UPDATE), (PLAIN, LOAD_FILES), (PLAIN, LOAD_CACHE)]
    return {
        "milliseconds an image": {name: statistics.median(of) for name, of in times.items()},
        "range": {name: [min(of), max(of)] for name, of in times.items()},
        "ratios": {f"{one} / {other}": ratio(one, other) for one, other in asked},
    }


def markdown(found: dict[str, dict[str, Any]]) -> str:
    """The results as a Markdown table, a column for each size."""
    sizes = list(found)
    rows = [["what", *(f"{size} px" for size in sizes)]]
    for name in found[sizes[0]]["milliseconds an image"]:
        cells = []
        for of in found.values():
            low, high = of["range"][name]
            cells.append(f"{of['milliseconds an image'][name]:.2f} ({low:.2f} to {high:.2f})")
        rows.append([f"{name}, ms an image", *cells])
    for name in found[sizes[0]]["ratios"]:
        cells = [f"{of['ratios'][name]:.3f}" for of in found.values()]
        rows.append([name, *cells])
    return "\n".join(table(rows)) + "\n"


def main() -> None:
    """Read the command line, measure, write."""
    parser = parser_of(__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 112])
    parser.add_argument("--batch", type=int, default=64, help="targets and sources together")
    parser.add_argument("--steps", type=int, help="of each part in a round; 2, on a GPU 50")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, help="of the job; 1, beside a GPU all cores")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--as-they-are", action="store_true", help="do not resize to 500x375")
    chosen = parser.parse_args()
    if chosen.quick:
        chosen.sizes, chosen.batch, chosen.steps, chosen.rounds = [32], 8, 1, 1
    device = torch.device(chosen.device)
    # Beside a GPU batches are loaded ahead, which a few steps would be given for nothing.
    steps = chosen.steps or (2 if device.type == "cpu" else 50)
    if device.type == "cpu":
        torch.set_num_threads(1)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        data = data_or_made(chosen.data, scratch / "data", chosen.quick)
        paths = photographs(data, 2 * chosen.batch)
        paths = paths if chosen.as_they_are else enlarged(paths, scratch)
        for size in chosen.sizes:
            ours = Ours(paths, size, chosen.batch, device, chosen.threads)
            check(ours)
            parts = parts_of(ours, Bare(ours.given, device), steps)
            images = steps * chosen.batch
            found[str(size)] = results(measure(parts, images, chosen.rounds))
    ratios = {
        f"{name}, {size} px": value
        for size, of_size in found.items()
        for name, value in of_size["ratios"].items()
    }
    write_results(chosen.output, markdown(found), {**ratios, "sizes": found})


if __name__ == "__main__":
    main()
