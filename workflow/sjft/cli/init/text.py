"""The configuration as a file: the entries, and a comment that says why each value is so."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from sjft.cli.init.sizing import COMPARED, LEAST_VAL, ROUNDS, Choices
from sjft.cli.init.survey import Survey
from sjft.cli.init.weights import Start
from sjft.settings.arm import BEST

WIDTH = 99
# What borrowing has brought on photographs, by whether the weights are pre-trained.
MEASURED = {
    True: "From pre-trained weights and a source of 12,000 photographs no gain has been measured: "
    "read the verdict before the model is used, and docs/when-borrowing-does-not-help.md.",
    False: "A ResNet-18 from random weights gained from all of a source of 12,000 photographs, and "
    "not from its nearest sixth: add `all-source`, one more training, to have it compared as well. "
    "More in docs/when-borrowing-does-not-help.md.",
}


@dataclass(frozen=True)
class Proposal:
    """All that the file says.

    Entries are called ``name``, ``source_name`` and ``bank_name``; ``roots`` and ``weights`` are as
    they stand in the file. ``training`` has its updates, of which ``length`` says why they are so
    many. ``command`` runs the experiment.
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


def as_yaml(proposal: Proposal) -> str:
    """The file's text; parsed, it is what `read_configuration` takes on top of the shipped file."""
    sections = (_head, _datasets, _bank, _retrieval, _experiment)
    return "\n".join("\n".join(section(proposal)) + "\n" for section in sections)


def _head(of: Proposal) -> Iterator[str]:
    yield from _comment(0, "Written by `sjft init`, on top of config/config.yaml. To run it:")
    yield "#"
    yield f"#   {_printable(of.command)}"
    yield "#"
    yield from _comment(
        0,
        "Change what you like: a run says what it does again. Every key, also those that are not "
        "here, and its meaning: docs/reference.md.",
    )


def _datasets(of: Proposal) -> Iterator[str]:
    yield "datasets:"
    yield from _comment(2, f"What is to be learned. {of.target.line('The target,')}")
    yield from _notes(of.target)
    yield f"  {_flow(of.name)}:"
    yield from _keys(4, of.target.values, {
        "splits": "The folders of the splits; choose settings by `val`, report `test`.",
        "random_split": "Drawn class by class with a seed: these shares, and the rest is the split "
        "`test`.",
        "exclude_classes": "Folders without an image.",
    }, root=of.roots[0])  # fmt: skip
    yield from _shards(of.target, of.choices.shards_of_target)
    yield from _comment(2, f"Where images are borrowed from. {of.source.line('The source,')}")
    yield from _notes(of.source)
    yield f"  {_flow(of.source_name)}:"
    yield from _keys(4, of.source.values, {
        "splits": "Of a source all is training images. `.` says: the class folders lie in `root`.",
        "exclude_classes": "Folders without an image.",
    }, root=of.roots[1])  # fmt: skip
    yield from _shards(of.source, of.choices.shards_of_source)


def _shards(side: Survey, number: int) -> Iterator[str]:
    if number > 1:
        yield from _comment(
            4, "Parts that are worked on side by side: one for each 5,000 images, or one a core."
        )
        yield f"    shards: {number}"
    if side.skips_bad_images:
        yield from _comment(4, "Files that cannot be read are left out and listed, not an error.")
        yield "    on_bad_image: skip"


def _bank(of: Proposal) -> Iterator[str]:
    yield "banks:"
    bank = dict(of.choices.bank)
    if bank["type"] == "gabor":
        why = "What images are compared by. Gabor filters need no weights, so no download."
    else:
        why = "What images are compared by: the first layers of the network that is trained."
    yield from _comment(2, why)
    yield f"  {_flow(of.bank_name)}:"
    yield from _keys(4, bank, {
        "resize": f"Both sides, in pixels: the smaller of the two sets' images have "
        f"{min(of.target.shorter_side, of.source.shorter_side)} px.",
    })  # fmt: skip
    if bank["type"] != "gabor":
        yield from _comment(4, "Training takes the same ones: they are named once.")
        yield f"    weights: &weights {_flow(of.weights)}"


def _retrieval(of: Proposal) -> Iterator[str]:
    pairs = f"{of.target.train:,} x {of.source.train:,} pairs"
    exact = of.choices.retrieval["backend"] == "exact"
    yield "retrievals:"
    yield f"  {_flow(of.name)}:"
    yield f"    bank: {_flow(of.bank_name)}"
    yield from _keys(4, of.choices.retrieval, {
        "neighbours_on_file": "Nearest source images that are kept: K_i grows to 10 K_0 at most.",
        "backend": f"{pairs} are few: all are compared."
        if exact
        else f"{pairs} are too many to compare all: an index names candidates.",
    })  # fmt: skip


def _experiment(of: Proposal) -> Iterator[str]:
    yield "experiments:"
    name = _flow(of.name)
    yield f"  {name}:"
    yield f"    target: {name}"
    yield f"    source: {_flow(of.source_name)}"
    yield f"    retrieval: {name}"
    yield from _comment(4, "After the first round, hard images bring more neighbours.")
    yield f"    rounds: {ROUNDS}"
    yield "    selection:"
    yield from _comment(
        6,
        f"K_0, the source images that each target image brings at first: {of.target.train:,} lists "
        f"of so many overlap, and should not hold all of {of.source.train:,}. Too many cost "
        "accuracy.",
    )
    yield f"      initial_neighbours: {of.choices.initial_neighbours}"
    yield "    training:"
    weights = _flow(of.weights) if of.choices.bank["type"] == "gabor" else "*weights"
    rate = "Divided by ten after `learning_rate_steps` updates."
    if not of.start.pretrained:
        rate += (
            " From random weights, with 450 updates a round or more, try `optimiser: adamw` with "
            "0.01 and `weight_decay: 0.05`: see docs/when-borrowing-does-not-help.md."
        )
    yield from _keys(6, of.training, {
        "network": f"Weights: {of.start.why}.",
        "input_size": f"The target's images have {of.target.shorter_side} px. Half the side "
        "takes a quarter of the time.",
        "learning_rate": rate,
        "updates": of.length,
        "threads": "On a CPU, runs side by side are faster than one run on all cores.",
    }, raw={"weights": weights})  # fmt: skip
    yield "    evaluation:"
    yield from _comment(6, _why_split(of))
    yield f"      split: {of.choices.split}"
    yield f"      scales: [{of.choices.scale}]"
    yield "      mirror: true"
    yield from _comment(
        4,
        "What tells whether borrowing helps: `fine-tune` has no source images, `random-source` as "
        "many as `selective`, drawn at random. Each is a training of its own.",
    )
    yield "    publish:"
    yield from _comment(6, _why_arm(of))
    yield from _comment(6, MEASURED[of.start.pretrained])
    yield f"      arm: {of.choices.published}"
    yield f"      compare: [{', '.join(COMPARED)}]"


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
        yield from _comment(2, f"- {note}")


def _keys(
    indent: int,
    values: Mapping[str, Any],
    why: Mapping[str, str],
    root: str | None = None,
    raw: Mapping[str, str] | None = None,
) -> Iterator[str]:
    """A line a key, below its comment; ``root`` and ``raw`` texts stand behind the first key."""
    for place, (key, value) in enumerate(values.items()):
        if key in why:
            yield from _comment(indent, why[key])
        yield f"{' ' * indent}{key}: {_flow(value)}"
        if place == 0 and root is not None:
            yield f"{' ' * indent}root: {_flow(root)}"
        if place == 0:
            yield from (f"{' ' * indent}{name}: {text}" for name, text in (raw or {}).items())


def _comment(indent: int, text: str) -> Iterator[str]:
    start = " " * indent + "# "
    yield from textwrap.wrap(
        _printable(text),
        WIDTH,
        initial_indent=start,
        subsequent_indent=start,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    """The text with line breaks and other signs that end a comment written out."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def _flow(value: Any) -> str:
    """A value in one line of YAML; a text that YAML takes for something else (2024) in quotes."""
    plain = dict(value) if isinstance(value, Mapping) else value
    text: str = yaml.safe_dump(
        plain, default_flow_style=True, sort_keys=False, allow_unicode=True, width=1 << 30
    )
    return text.removesuffix("...\n").strip()
