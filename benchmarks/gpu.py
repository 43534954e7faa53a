"""Everything that needs a GPU to be known to work, with figures and verdicts: what `make gpu` runs.

    python benchmarks/gpu.py --output FILE [--data FOLDER] [--device cpu --quick]

Without a GPU it says so, and that is all; `--device cpu --quick` runs the same code on little, as a
test does. What there must be two GPUs for is left out where there is one, and named.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from command_line import Row, parser_of, tables, write_results
from sample_images import Images, data_or_made, enlarged, images_in, photographs
from training import BARE_UPDATE, CLASSES, STEP, Bare, Ours, measure, parts_of

from sjft import layout
from sjft.descriptors.banks import bank_settings, make_bank
from sjft.descriptors.extraction import Extraction, extract_descriptors
from sjft.retrieval.bins import equalise_bins
from sjft.retrieval.blocks import MB
from sjft.retrieval.histograms import Histograms, build_histograms, read_histograms
from sjft.retrieval.shard_search import search_shard
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.retrieval import RetrievalSettings
from sjft.storage.files import read_json
from sjft.training.batches import Batch, JointBatches, LabelledImages
from sjft.training.cache import ImageCache
from sjft.training.checkpoints import Checkpoints
from sjft.training.loading import load_batches
from sjft.training.pairing import AnySource, Pairing
from sjft.training.processes import in_processes
from sjft.training.round import train
from sjft.training.world import ALONE, World

REPOSITORY = Path(__file__).parents[1]
BANK = {
    "type": "cnn",
    "network": "alexnet",
    "weights": {"source": "random"},
    "layers": ["features.0", "features.3"],
}
# What is allowed: responses on another level, a step beside bare passes, and losses that differ.
OTHER_LEVELS, STEP_COSTS, LOSS_DIFFERS, WEIGHTS_DIFFER = 1e-3, 1.05, 0.05, 1e-3
# The demo's accuracy on another processor moves by a few points.
DEMO_DIFFERS = 0.15


@dataclass(frozen=True)
class Machine:
    """Where it is run; ``quick`` is for checking the code."""

    device: torch.device
    data: Path
    scratch: Path
    quick: bool

    @property
    def side(self) -> int:
        """Of training's images, in pixels."""
        return 32 if self.quick else 224

    @property
    def batch(self) -> int:
        """Of training, targets and sources together."""
        return 8 if self.quick else 128

    def ours(self) -> Ours:
        """The program's training loop on photographs."""
        paths = photographs(self.data, 2 * self.batch)
        return Ours(enlarged(paths, self.scratch), self.side, self.batch, self.device)

    def images(self) -> Images:
        """Source images."""
        return images_in(self.data, "miniimagenet/train").some(8 if self.quick else 400)


def row(what: str, figure: float, wanted: str, good: bool) -> Row:
    """A line of the table."""
    return {"what": what, "figure": float(f"{figure:.4g}"), "wanted": wanted, "good": good}


##### descriptors and search #####


def extraction(on: Machine) -> Iterator[Row]:
    """Counts of both devices over the CPU's bins."""
    here, there = (histograms_by(on, name) for name in ("cpu", on.device.type))
    moved = np.abs(here.counts.astype(int) - there.counts.astype(int)).sum() / 2
    share = float(moved / here.counts.sum())
    wanted = f"at most {OTHER_LEVELS}"
    yield row("responses in another bin than on the CPU", share, wanted, share <= OTHER_LEVELS)


def histograms_by(on: Machine, device: str) -> Histograms:
    """Histograms of the images, extracted on a device."""
    folder, images = on.scratch / f"extracted-{device}", on.images()
    folder.mkdir(exist_ok=True)
    settings = bank_settings(BANK)
    bank = make_bank(settings, None, torch.device(device))
    made = Extraction(bank, settings.grid, settings.model_dump(mode="json"), {}, True)
    extract_descriptors(images.table(), images.root, made, folder / "descriptors.h5")
    bins, retrieval = on.scratch / "bins.h5", RetrievalSettings(bank="any")
    if not bins.exists():
        equalise_bins([folder / "descriptors.h5"], retrieval.bins, retrieval.layer_weights, bins)
    build_histograms(folder / "descriptors.h5", bins, folder / "histograms.h5")
    return read_histograms(folder / "histograms.h5")


def searches(on: Machine) -> Iterator[Row]:
    """Lists of the exact search, whose estimates a GPU multiplies in TF32."""
    everything = histograms_by(on, "cpu")
    half = len(everything.images) // 2
    targets, sources = (everything.take(np.arange(half) + first) for first in (0, half))
    lists = []
    for device in ("cpu", on.device.type):
        settings = RetrievalSettings.model_validate(
            {"bank": "any", "backend": "exact", "device": device}
        )
        sizes = {"kept": min(50, half), "candidates": half, "memory": 4000 * MB}
        lists.append(search_shard(targets, sources, [], settings=settings, **sizes))
    same = float((lists[0].sources == lists[1].sources).mean())
    yield row("places of exact lists with the CPU's image", same, "1", same == 1)


##### training #####


def precision(on: Machine) -> Iterator[Row]:
    """The loss after some updates, in mixed precision and in float32."""
    losses = [
        last_loss(on.ours(), name, updates=3 if on.quick else 50) for name in ("float32", "auto")
    ]
    differs = abs(losses[1] / losses[0] - 1)
    wanted = f"at most {LOSS_DIFFERS}"
    yield row("last loss, mixed precision beside float32", differs, wanted, differs <= LOSS_DIFFERS)


def last_loss(ours: Ours, name: str, updates: int) -> float:
    """Of a training on one batch."""
    settings = ours.settings.model_copy(update={"updates": updates, "precision": name})
    batches = [ours.given] * updates
    history = train(ours.new_network(), lambda start: batches[start:], settings, ours.device)
    return float(history["target_loss"][-1] + history["source_loss"][-1])


def layouts(on: Machine) -> Iterator[Row]:
    """A step with the channels last, beside one with the channels first."""
    ours = on.ours()
    last, first = (Bare(ours.given, ours.device) for _ in range(2))
    first.module.to(memory_format=torch.contiguous_format)
    ratio = median_ratio(ours, last.update, first.update, on.quick)
    yield row("a step, channels last / channels first", ratio, "below 1", ratio < 1)


def median_ratio(
    ours: Ours, one: Callable[[], None], other: Callable[[], None], quick: bool
) -> float:
    """The median, over rounds of both, of one's time by the other's."""

    def seconds(work: Callable[[], None]) -> float:
        started = ours.clock()
        for _ in range(1 if quick else 10):
            work()
        return ours.clock() - started

    for work in (one, other):
        seconds(work)
    return statistics.median(seconds(one) / seconds(other) for _ in range(1 if quick else 9))


def step(on: Machine) -> Iterator[Row]:
    """A step of the program beside bare forward, backward and SGD."""
    ours, steps = on.ours(), 1 if on.quick else 10
    parts = parts_of(ours, Bare(ours.given, ours.device), steps)
    chosen = {name: parts[name] for name in (STEP, BARE_UPDATE)}
    times = measure(chosen, steps * on.batch, 1 if on.quick else 9)
    pairs = zip(times[STEP], times[BARE_UPDATE], strict=True)
    ratio = statistics.median(a / b for a, b in pairs)
    what = f"a step at {on.side} px / bare forward, backward and SGD"
    yield row(what, ratio, f"at most {STEP_COSTS}", ratio <= STEP_COSTS)


class Killed(Exception):
    """Stands for a kill."""


def resumed(on: Machine) -> Iterator[Row]:
    """Weights of a training done twice, and of one that goes on from a checkpoint."""
    ours, half = on.ours(), 2 if on.quick else 10
    settings = ours.settings.model_copy(update={"updates": 2 * half, "precision": "float32"})
    starts: list[int] = []

    def trained(checkpoints: Checkpoints | None, until: int) -> list[torch.Tensor]:
        def given(start: int) -> Iterator[Batch]:
            starts.append(start)
            yield from [ours.given] * (until - start)
            raise Killed

        network = ours.new_network()
        with suppress(Killed):
            train(network, given, settings, on.device, checkpoints)
        return [tensor.double().cpu() for tensor in network.module.state_dict().values()]

    once, again = (trained(None, 2 * half) for _ in range(2))
    kept = Checkpoints(on.scratch / "checkpoints", {}, CheckpointSettings(updates=half))
    trained(kept, half)
    # Without the first half's momentum, or from the start, it would be another network.
    gone_on = trained(kept, 2 * half)
    twice, stopped = (
        max(float((a - b).abs().max()) for a, b in zip(once, other, strict=True))
        for other in (again, gone_on)
    )
    what, wanted = "weights of the same training", f"at most {WEIGHTS_DIFFER}"
    yield row(f"{what}, done twice", twice, wanted, twice <= WEIGHTS_DIFFER)
    good = stopped <= WEIGHTS_DIFFER and starts == [0, 0, 0, half]
    yield row(f"{what}, gone on with from half", stopped, wanted, good)


def together(on: Machine) -> Iterator[Row]:
    """Weights of two processes that share each batch, beside those of one."""
    paths = enlarged(photographs(on.data, 2 * on.batch), on.scratch)
    alone, both = on.scratch / "alone.pt", on.scratch / "both.pt"
    train_a_share(ALONE, on.device.type, paths, on.side, on.batch, alone)
    backend = "nccl" if on.device.type == "cuda" else "gloo"
    given = (on.device.type, paths, on.side, on.batch, both)
    in_processes(2, backend, train_a_share, *given)
    one, two = (torch.load(path, weights_only=True) for path in (alone, both))
    differs = max(float((one[name].double() - two[name].double()).abs().max()) for name in one)
    what, wanted = f"weights of two processes over {backend}", f"at most {WEIGHTS_DIFFER}"
    yield row(f"{what} beside one's", differs, wanted, differs <= WEIGHTS_DIFFER)


def train_a_share(
    world: World, device: str, paths: list[Path], side: int, batch: int, output: Path
) -> None:
    """Two updates on this process's share of each batch; the first one writes the weights."""
    ours = Ours(paths, side, batch, world.device(device))
    shares = {"updates": 2, "processes": world.size, "precision": "float32"}
    settings = ours.settings.model_copy(update={**shares, "batch_norm": "frozen"})
    half = len(paths) // 2
    batches = JointBatches(
        LabelledImages(paths[:half], np.arange(half) % CLASSES[0]),
        LabelledImages(paths[half:], np.arange(half) % CLASSES[1]),
        Pairing(half, settings.target_batch, AnySource(half), 0),
        *(settings, 0, ImageCache(0, settings.resize[1]), world),
    )
    network = ours.new_network()
    given = load_batches(batches, range(2), settings, ours.threads, ours.device)
    train(network, lambda _: given, settings, ours.device, world=world)
    if world.first:
        state = network.module.state_dict()
        torch.save({name: tensor.cpu() for name, tensor in state.items()}, output)


##### all of it #####


def demo(on: Machine) -> Iterator[Row]:
    """The demo with `device: auto`, beside the same on the CPU."""
    accuracies = []
    for device in ("cpu", "auto"):
        folder = on.scratch / f"demo-{device}"
        values = f"experiments={{demo: {{training: {{device: {device}}}}}}}"
        command = [sys.executable, "-m", "snakemake", layout.SUMMARY.of(experiment="demo")]
        command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--directory", str(folder)]
        # Its jobs are of seconds: several share a GPU.
        command += ["--cores", "all", "--resources", "gpu=4", "--config", values]
        path = [str(REPOSITORY / "workflow"), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the demo failed on {device}:\n{done.stdout}{done.stderr}")
        found = layout.EVALUATION.of(experiment="demo", arm="selective", seed=0)
        accuracies.append(read_json(folder / found)["mean_class_accuracy"])
    differs = abs(accuracies[1] - accuracies[0])
    what = "the demo's mean class accuracy, device: auto beside cpu"
    yield row(what, differs, f"at most {DEMO_DIFFERS}", differs <= DEMO_DIFFERS)


Check = Callable[[Machine], Iterator[Row]]
CHECKS: tuple[Check, ...] = (
    extraction,
    searches,
    precision,
    layouts,
    step,
    resumed,
    together,
    demo,
)


def checks_on(device: torch.device, quick: bool) -> tuple[list[Check], list[str]]:
    """The checks that can be done, and what is left out."""
    left_out = []
    if device.type == "cuda" and torch.cuda.device_count() < 2:
        left_out.append("two processes over NCCL: one GPU is here")
    if quick:
        left_out.append("the demo: --quick")
    gone: list[Check] = (
        [together] if device.type == "cuda" and torch.cuda.device_count() < 2 else []
    )
    gone += [demo] if quick else []
    return [check for check in CHECKS if check not in gone], left_out


def main() -> None:
    """Run all checks, write the table, and end with 1 where one is not good."""
    parser = parser_of(__doc__)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    chosen = parser.parse_args()
    device = torch.device(chosen.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("No GPU here, or torch was built without CUDA: nothing was checked.")
        return
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    checks, left_out = checks_on(device, chosen.quick)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        data = data_or_made(chosen.data, scratch / "data", chosen.quick)
        for check in checks:
            rows += check(Machine(device, data, scratch, chosen.quick))
            print(rows[-1], flush=True)
    found = {f"{name}, torch {torch.__version__}": rows}
    lines = "".join(f"\nLeft out: {line}.\n" for line in left_out)
    write_results(chosen.output, tables(found) + lines, {"tables": found, "left out": left_out})
    if not chosen.quick and not all(each["good"] for each in rows):
        raise SystemExit("Not all is as it should be: see above.")


if __name__ == "__main__":
    main()
