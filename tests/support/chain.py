"""A copy of the workflow with a tiny experiment, and the `snakemake` command on it."""

import copy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forked_snakemake
import torch
import yaml
from torchvision import models

from sjft.checks.answers import KEPT

REPOSITORY = Path(__file__).parents[2]
ANSWERS = Path(".snakemake") / KEPT
_answers: list[bytes] = []  # the last

_TRAINING = {
    "network": "shufflenet_v2_x0_5",
    "weights": {"source": "random"},
    "input_size": 32,
    "resize": [32, 36],
    "target_batch": 4,
    "accumulate": 1,
    "updates": 2,
    "threads": 1,
    "device": "cpu",
}
_BANK = {"type": "gabor", "resize": 32, "crop": 32, "scales": 1, "orientations": 2}
_RETRIEVAL = {
    "bank": "small",
    "bins": 8,
    "epsilon": 1e-4,
    "neighbours_on_file": 6,
    "projection_dimensions": 8,
    # With so few bins, of so few filters, images of one style are hardly told apart.
    "leakage": {"divergence_share": 0.01},
}
_EXPERIMENT = {
    "target": "images",
    "source": "store",
    "retrieval": "approximate",
    "rounds": 1,
    "selection": {"initial_neighbours": 2},
    "training": _TRAINING,
    "evaluation": {"scales": [32]},
}
CONFIG: dict[str, Any] = {
    "datasets": {
        "images": {
            "reader": "synthetic",
            "contents": ["disc", "cross"],
            "styles": ["hatching"],
            "per_class": {"train": 6, "test": 4},
            "size": 32,
            "seed": 1,
        },
        "store": {
            "reader": "synthetic",
            "contents": ["square", "arrow"],
            "styles": ["hatching", "cells", "soft_wash"],
            "per_class": {"train": 9},
            "size": 32,
            "seed": 2,
            "shards": 2,
        },
        "own": {
            "reader": "image_folder",
            "root": "my own images",
            "random_split": {"train": 0.6, "val": 0.2},
            "how_to_get": "Take them from the drawer.",
        },
        "elsewhere": {
            "reader": "image_folder",
            "root": "elsewhere",
            "splits": {"train": "train"},
            "how_to_get": "Ask the neighbours.",
        },
    },
    "banks": {"small": _BANK, "coarse": _BANK | {"orientations": 1}},
    "retrievals": {
        "approximate": _RETRIEVAL,
        "exhaustive": _RETRIEVAL | {"backend": "exact"},
        "other": _RETRIEVAL | {"bank": "coarse", "backend": "exact", "leakage": {"check": False}},
    },
    "experiments": {
        # Four arms, one round, with an ablation of three of its own; and one arm, two rounds, with
        # an ablation of three of the paper's.
        "tiny": _EXPERIMENT
        | {
            "publish": {"compare": ["selective", "fine-tune", "random-source", "all-source"]},
            "arms": {
                "another": {"retrieval": "other"},
                "k4": {"selection": {"initial_neighbours": 4}, "title": "twice as many"},
                "weighted": {"like": "k4", "training": {"source_loss_scale": 0.5}},
            },
            "ablation": {
                "arms": ["selective", "fine-tune", "another", "k4", "weighted"],
                "seeds": [0],
            },
        },
        "twice": _EXPERIMENT
        | {
            "rounds": 2,
            "selection": {"initial_neighbours": 2, "draw_hard_images_more": True},
            "training": _TRAINING
            | {
                "weights": {"source": "file", "path": "weights/store.pth"},
                "source_head": "pretrained",
                "schedule": "cosine",
            },
            "arms": {"gabor": {"retrieval": "exhaustive"}},
            "ablation": {"arms": ["no-iteration", "gabor", "selective"], "seeds": [0]},
        },
        "own": _EXPERIMENT
        | {
            "target": "own",
            "retrieval": "exhaustive",
            "training": _TRAINING | {"updates": 1},
            "publish": {"arm": "best", "compare": ["selective", "fine-tune"]},
        },
        "absent": _EXPERIMENT
        | {
            "target": "own",
            "source": "elsewhere",
            "training": _TRAINING | {"weights": {"source": "file", "path": "weights/absent.pth"}},
        },
    },
}


@dataclass(frozen=True)
class Outcome:
    """How a command ended, and what stood on the terminal."""

    code: int
    output: str

    @property
    def planned(self) -> dict[str, int]:
        """Jobs by rule, from the table that a dry run prints; empty where nothing is to be done."""
        table = self.output.partition("Job stats:")[2].partition("\ntotal ")[0]
        return {name: int(jobs) for name, jobs in re.findall(r"^(\w+) +(\d+)$", table, re.M)}


@dataclass(frozen=True)
class Chain:
    """A folder in which a user calls `snakemake`."""

    root: Path

    @property
    def results(self) -> Path:
        return self.root / "results"

    def snakemake(self, *arguments: str, env: dict[str, str] | None = None) -> Outcome:
        try:
            return self._ended(self.command(*arguments), env)
        finally:
            _remember_answers(self.root)

    def _ended(self, command: list[str], env: dict[str, str] | None) -> Outcome:
        environment = self.environment(env)
        as_a_module = [sys.executable, "-m", "snakemake"]
        # What Python is told by variables it must be told before it starts.
        if command[:3] == as_a_module and not any(name.startswith("PYTHON") for name in env or {}):
            return Outcome(*forked_snakemake.snakemake(command[3:], self.root, environment))
        done = subprocess.run(
            command,
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=forked_snakemake.SECONDS,
        )
        return Outcome(done.returncode, done.stdout)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]

    def environment(self, changes: dict[str, str] | None = None) -> dict[str, str]:
        """This process's variables, without those that would change what the workflow does."""
        ours = ("PYTHONPATH", "SJFT_", "SNAKEMAKE_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return env | {"COLUMNS": "200"} | (changes or {})

    def make(self, *arguments: str, env: dict[str, str] | None = None) -> Outcome:
        """Run, and fail the test where the run fails."""
        outcome = self.snakemake(*arguments, env=env)
        assert outcome.code == 0, outcome.output
        return outcome

    def plan(self, *targets: str) -> dict[str, int]:
        """What a dry run would do, by rule."""
        outcome = self.make("-n", *targets)
        assert outcome.planned or "Nothing to be done" in outcome.output, outcome.output
        return outcome.planned

    def configure(self, change: Callable[[dict[str, Any]], object] | None = None) -> None:
        config = copy.deepcopy(CONFIG)
        if change is not None:
            change(config)
        path = self.root / "config" / "config.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    @contextmanager
    def configured(self, change: Callable[[dict[str, Any]], object]) -> Iterator[None]:
        """A changed configuration, for a while."""
        self.configure(change)
        try:
            yield
        finally:
            self.configure()

    @contextmanager
    def edited(self, path: str, edit: Callable[[str], str]) -> Iterator[None]:
        """A changed file, for a while."""
        file = self.root / path
        before = file.read_text(encoding="utf-8")
        after = edit(before)
        assert after != before
        file.write_text(after, encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")


def copy_workflow(root: Path, origin: Path = REPOSITORY) -> Chain:
    """The workflow as it is in ``origin``, without results, configured for the tiny experiments."""
    root.mkdir(parents=True)
    shutil.copy2(origin / "Snakefile", root)
    for name in ("workflow", "envs"):
        shutil.copytree(origin / name, root / name)
    (root / "profiles").symlink_to("workflow/profiles")
    lay_out_weights(root / "data")
    if _answers:
        (root / ANSWERS).parent.mkdir()
        (root / ANSWERS).write_bytes(_answers[-1])
    chain = Chain(root)
    chain.configure()
    return chain


def _remember_answers(root: Path) -> None:
    """What a run has asked of networks, kept for the next copy: asking takes seconds."""
    if (root / ANSWERS).is_file():
        _answers[:] = [(root / ANSWERS).read_bytes()]


def keep_compiled(chain: Chain) -> None:
    """Put what numba has compiled in a copy where it was copied from, for later copies."""
    if sys.dont_write_bytecode:
        return
    for index in chain.root.rglob("workflow/**/*.nbi"):
        place = REPOSITORY / index.relative_to(chain.root)
        if not place.exists():
            place.parent.mkdir(exist_ok=True)
            # The index last: it names the others.
            for made in (*index.parent.glob(f"{index.stem}.*.nbc"), index):
                shutil.copy2(made, place.with_name(f"{os.getpid()}"))
                place.with_name(f"{os.getpid()}").replace(place.with_name(made.name))


def lay_out_weights(data: Path) -> None:
    """Weights of a network that tells the classes of `store` apart, or so it says."""
    (data / "weights").mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.get_model(_TRAINING["network"], num_classes=2)
    torch.save(network.state_dict(), data / "weights/store.pth")


def copy_all(chain: Chain, root: Path) -> Chain:
    """The same folder in another place, results and Snakemake's records among it."""
    shutil.copytree(chain.root, root, symlinks=True)
    return Chain(root)


def lay_out_empty_images(data: Path) -> None:
    """Names as in Indoor 67 and ImageNet, enough of them that no shard is empty."""
    for name, number in (("TrainImages.txt", 3), ("TestImages.txt", 2)):
        paths = [f"{c}/{name[:4]}_{i}.jpg" for c in ("airport", "bar") for i in range(number)]
        (data / "indoor67").mkdir(parents=True, exist_ok=True)
        (data / "indoor67" / name).write_text("\n".join(paths))
        for path in paths:
            (data / "indoor67/Images" / path).parent.mkdir(parents=True, exist_ok=True)
            (data / "indoor67/Images" / path).touch()
    for wnid in ("n01440764", "n01443537"):
        (data / "imagenet/train" / wnid).mkdir(parents=True, exist_ok=True)
        for i in range(2000):
            (data / f"imagenet/train/{wnid}/{wnid}_{i}.JPEG").touch()
