"""The configuration as a file: the entries, and a comment that says why each value is so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sjft.cli.init.sizing import LEAST_VAL, ROUNDS, Choices
from sjft.cli.init.source_first import (
    SourceFirst,
    dataset_lines,
    experiment_lines,
    retrieval_lines,
)
from sjft.cli.init.survey import Survey
from sjft.cli.init.weights import Start
from sjft.cli.init.yaml_lines import comment, flow, keys, printable
from sjft.settings.arm import BEST

# What borrowing has brought on photographs, by what the weights are.
MEASURED = {
    "learned": "Weights that a ShuffleNet x0.5 learned from 12,000 photographs first came to 4 "
    "points over random ones (0.5 to 7.4), and borrowing added nothing to them: read the verdict "
    "before the model is used, and docs/when-borrowing-does-not-help.md.",
    "pretrained": "From pre-trained weights and a source of 12,000 photographs no gain has been "
    "measured: on flowers borrowing cost a point, on other data nothing could be told, and what "
    "the validation split chose cost nothing. Read the verdict before the model is used, and "
    "docs/when-borrowing-does-not-help.md.",
    "random": "From random weights all of a source of photographs won 2 points (0.8 to 3.3), its "
    "nearest part nothing, and what the validation split chose of the four 2 as well (1.1 to "
    "3.0). More in docs/when-borrowing-does-not-help.md.",
}


@dataclass(frozen=True)
class Proposal:
    """All that the file says.

    Entries are called ``name``, ``source_name`` and ``bank_name``; ``roots`` and ``weights`` are as
    they stand in the file. ``training`` has its updates, of which ``length`` says why they are so
    many. ``command`` runs the experiment. ``learned`` is the experiment that it starts from, if it
    learns the source first.
    """

    name: str
    source_name: str
    bank_name: str
    target: Survey
    source: Survey
    roots: tuple[str, str]
    weights: Mapping[str, Any]
    start: Start
    choices: Choices
    training: Mapping[str, Any]
    length: str
    command: str
    learned: SourceFirst | None = None


def as_yaml(proposal: Proposal) -> str:
    """The file's text; parsed, it is what `read_configuration` takes on top of the shipped file."""
    sections = (_head, _datasets, _bank, _retrieval, _experiment)
    return "\n".join("\n".join(section(proposal)) + "\n" for section in sections)


def _head(of: Proposal) -> Iterator[str]:
    yield from comment(0, "Written by `sjft init`, on top of config/config.yaml. To run it:")
    yield "#"
    yield f"#   {printable(of.command)}"
    yield "#"
    yield from comment(
        0,
        "Change what you like: a run says what it does again. Every key, also those that are not "
        "here, and its meaning: docs/reference.md.",
    )


def _datasets(of: Proposal) -> Iterator[str]:
    yield "datasets:"
    yield from comment(2, f"What is to be learned. {of.target.line('The target,')}")
    yield from _notes(of.target)
    yield f"  {flow(of.name)}:"
    yield from keys(4, of.target.values, {
        "splits": "The folders of the splits; choose settings by `val`, report `test`.",
        "random_split": "Drawn class by class with a seed: these shares, and the rest is the split "
        "`test`.",
        "exclude_classes": "Folders without an image.",
    }, root=of.roots[0])  # fmt: skip
    yield from _shards(of.target, of.choices.shards_of_target)
    yield from comment(2, f"Where images are borrowed from. {of.source.line('The source,')}")
    yield from _notes(of.source)
    yield f"  {flow(of.source_name)}:"
    yield from keys(4, of.source.values, {
        "splits": "Of a source all is training images. `.` says: the class folders lie in `root`.",
        "exclude_classes": "Folders without an image.",
    }, root=of.roots[1])  # fmt: skip
    yield from _shards(of.source, of.choices.shards_of_source)
    if of.learned is not None:
        shards = _shards(of.source, of.choices.shards_of_source)
        yield from dataset_lines(of.learned, of.source, shards)


def _shards(side: Survey, number: int) -> Iterator[str]:
    if number > 1:
        yield from comment(
            4, "Parts that are worked on side by side: one for each 5,000 images, or one a core."
        )
        yield f"    shards: {number}"
    if side.skips_bad_images:
        yield from comment(4, "Files that cannot be read are left out and listed, not an error.")
        yield "    on_bad_image: skip"


def _bank(of: Proposal) -> Iterator[str]:
    yield "banks:"
    bank = dict(of.choices.bank)
    if bank["type"] == "gabor":
        why = "What images are compared by. Gabor filters need no weights, so no download."
    else:
        why = "What images are compared by: the first layers of the network that is trained."
    yield from comment(2, why)
    yield f"  {flow(of.bank_name)}:"
    yield from keys(4, bank, {
        "resize": f"Both sides, in pixels: the smaller of the two sets' images have "
        f"{min(of.target.shorter_side, of.source.shorter_side)} px.",
    })  # fmt: skip
    if bank["type"] != "gabor":
        yield from comment(4, "Training takes the same ones: they are named once.")
        yield f"    weights: &weights {flow(of.weights)}"


def _retrieval(of: Proposal) -> Iterator[str]:
    pairs = f"{of.target.train:,} x {of.source.train:,} pairs"
    exact = of.choices.retrieval["backend"] == "exact"
    yield "retrievals:"
    yield f"  {flow(of.name)}:"
    yield f"    bank: {flow(of.bank_name)}"
    yield from keys(4, of.choices.retrieval, {
        "neighbours_on_file": "Nearest source images that are kept: K_i grows to 10 K_0 at most.",
        "backend": f"{pairs} are few: all are compared."
        if exact
        else f"{pairs} are too many to compare all: an index names candidates.",
    })  # fmt: skip
    if of.learned is not None:
        yield from retrieval_lines(of.learned)


def _experiment(of: Proposal) -> Iterator[str]:
    yield "experiments:"
    if of.learned is not None:
        yield from experiment_lines(of.learned)
    name = flow(of.name)
    yield f"  {name}:"
    yield f"    target: {name}"
    yield f"    source: {flow(of.source_name)}"
    yield f"    retrieval: {name}"
    yield from comment(4, "After the first round, hard images bring more neighbours.")
    yield f"    rounds: {ROUNDS}"
    yield "    selection:"
    yield from comment(
        6,
        f"K_0, the source images that each target image brings at first: {of.target.train:,} lists "
        f"of so many overlap, and should not hold all of {of.source.train:,}. Too many cost "
        "accuracy.",
    )
    yield f"      initial_neighbours: {of.choices.initial_neighbours}"
    yield "    training:"
    weights = flow(of.weights) if of.choices.bank["type"] == "gabor" else "*weights"
    rate = "Divided by ten after `learning_rate_steps` updates."
    if not of.start.pretrained:
        rate += (
            " From random weights, with 450 updates a round or more, try `optimiser: adamw` with "
            "`weight_decay: 0.05` and 0.002, which suited a ResNet-18, or 0.01, which suited a "
            "ShuffleNet: see docs/when-borrowing-does-not-help.md."
        )
    yield from keys(6, of.training, {
        "network": f"Weights: {of.start.why}.",
        "input_size": f"The target's images have {of.target.shorter_side} px. Half the side "
        "takes a quarter of the time.",
        "learning_rate": rate,
        "updates": of.length,
        "threads": "On a CPU, runs side by side are faster than one run on all cores.",
    }, raw={"weights": weights})  # fmt: skip
    yield "    evaluation:"
    yield from comment(6, _why_split(of))
    yield f"      split: {of.choices.split}"
    yield f"      scales: [{of.choices.scale}]"
    yield "      mirror: true"
    all_of_it = "" if of.start.pretrained else ", `all-source` all there are"
    yield from comment(
        4,
        "What tells whether borrowing helps: `fine-tune` has no source images, `random-source` as "
        f"many as `selective`, drawn at random{all_of_it}. Each is a training of its own.",
    )
    yield "    publish:"
    yield from comment(6, _why_arm(of))
    yield from comment(6, MEASURED[of.start.kind])
    yield f"      arm: {of.choices.published}"
    yield f"      compare: [{', '.join(of.choices.compared)}]"


def _why_split(of: Proposal) -> str:
    if of.choices.split == "val":
        return "There is no split `test`: figures for choosing settings are no final ones."
    if of.target.by_split.get("val"):
        return "Try settings on `val`: those that are chosen by `test` make it no test any more."
    return "For settings that are chosen by it, `test` is no test any more."


def _why_arm(of: Proposal) -> str:
    val = of.target.by_split.get("val", 0)
    if of.choices.published == BEST:
        return f"The best of those below on `val` ({val:,} images): it may be `fine-tune`."
    few = f"{val:,} images in `val` are too few" if val else "There is no split `val`"
    return f"{few} to choose by: with {LEAST_VAL} and more, write `best`."


def _notes(side: Survey) -> Iterator[str]:
    for note in side.notes:
        yield from comment(2, f"- {note}")
