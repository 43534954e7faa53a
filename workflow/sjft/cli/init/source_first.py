"""Weights of one's own: an experiment that learns the source by itself, before the target."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sjft.cli.init.sizing import LEAST_UPDATES, Choices, Machine
from sjft.cli.init.survey import Survey
from sjft.cli.init.weights import has_batch_norm
from sjft.cli.init.yaml_lines import comment, flow, keys
from sjft.pipeline.prices import Collection

# Of the time that all may take; the rest is the target's.
SHARE_OF_TIME = 0.5
# An image of the source is seen so often: fewer than the least teach little.
EPOCHS, LEAST_EPOCHS = 20, 3
BATCH = 64
SPLIT = {"train": 0.9, "val": 0.1}
# AdamW's, by whether the network has batch norm: docs/training.md.
LEARNING_RATES = {True: 0.01, False: 0.001}


@dataclass(frozen=True)
class SourceFirst:
    """The entry ``name`` of data sets, retrievals and experiments; ``root`` is as in the file.

    ``training`` has its updates, of which ``length`` says why they are so many.
    """

    name: str
    root: str
    target_name: str
    bank_name: str
    training: Mapping[str, Any]
    scale: int
    length: str = ""


def experiment_that_learns(name: str) -> str:
    """What the experiment that learns the source for another one is called."""
    return f"{name}_source_first"


def training_of_source(source: Survey, machine: Machine, choices: Choices) -> dict[str, Any]:
    """The target's network and size of input, and a training from random weights."""
    network = choices.training["network"]
    return {
        **{key: choices.training[key] for key in ("network", "input_size", "resize")},
        "target_batch": min(BATCH, source.train),
        "accumulate": 1,
        "updates": LEAST_UPDATES,
        "optimiser": "adamw",
        "learning_rate": LEARNING_RATES[has_batch_norm(network)],
        "weight_decay": 0.05,
        "schedule": "cosine",
        "threads": min(8, machine.cores),
        "device": choices.training["device"],
    }


def updates_of_epochs(source: Survey, epochs: int) -> int:
    """Updates in which each image that is learned is seen so often; `LEAST_UPDATES` at least."""
    learned = SPLIT["train"] * source.train
    return max(LEAST_UPDATES, round(epochs * learned / min(BATCH, source.train)))


def collection_of(learned: SourceFirst, source: Survey, shards: int) -> Collection:
    """The source as a plan has it, with what is held out of it."""
    heldout = round(SPLIT["val"] * source.train)
    train = source.train - heldout
    numbers = {"train": train, "val": heldout}
    return Collection(learned.name, train, heldout, shards, numbers, source.classes)


def dataset_lines(of: SourceFirst, source: Survey, shards: Iterator[str]) -> Iterator[str]:
    """The source as what is to be learned."""
    yield from comment(2, "The same images, to be learned first: a tenth tells how well that went.")
    yield f"  {flow(of.name)}:"
    values = {"reader": "image_folder", "random_split": SPLIT}
    kept = {key: source.values[key] for key in ("exclude_classes",) if key in source.values}
    yield from keys(4, values | kept, {}, root=of.root)
    yield from shards


def retrieval_lines(of: SourceFirst) -> Iterator[str]:
    """A retrieval for an experiment that borrows nothing."""
    yield from comment(2, "Where the source is learned first, nothing is borrowed.")
    yield f"  {flow(of.name)}:"
    yield f"    bank: {flow(of.bank_name)}"
    yield "    leakage: {check: false}"


def experiment_lines(of: SourceFirst) -> Iterator[str]:
    """The experiment that learns the source; the other one starts from its model."""
    name = flow(of.name)
    yield from comment(2, "Made before the other: its model is what that one starts from.")
    yield f"  {name}:"
    yield f"    target: {name}"
    yield from comment(4, "Every experiment names one: `fine-tune` takes nothing of it.")
    yield f"    source: {flow(of.target_name)}"
    yield f"    retrieval: {name}"
    yield "    rounds: 1"
    yield "    training:"
    yield from keys(
        6,
        of.training,
        {"updates": of.length, "threads": "This training runs alone."},
        raw={"weights": "{source: random}"},
    )
    yield "    evaluation:"
    yield "      split: val"
    yield f"      scales: [{of.scale}]"
    yield "      mirror: true"
    yield "    publish: {arm: fine-tune, compare: []}"
