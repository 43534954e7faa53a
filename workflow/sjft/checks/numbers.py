"""What the numbers of images say: is there anything to test on, and enough to choose from?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sjft.checks.asked import Asked
from sjft.checks.finding import Finding
from sjft.data.state import DataState
from sjft.settings.arm import BEST, METHOD
from sjft.settings.config import Configuration
from sjft.settings.dataset import (
    Caltech256,
    Cameras,
    CsvList,
    DatasetSettings,
    Flowers102,
    ImageFolder,
    Synthetic,
    TorchvisionSet,
)
from sjft.settings.selection import SelectionSettings
from sjft.settings.splits import VALIDATION_SPLIT

Section = TypeVar("Section")
SPLITS = ("train", "val", "test")
# Of readers that always find the same ones.
SPLITS_OF_READERS: dict[str, tuple[str, ...]] = {
    "imagenet": ("train",),
    "places205": ("train",),
    "places365": ("train",),
    "indoor67": ("train", "test"),
    "dogs120": ("train", "test"),
}


@dataclass(frozen=True)
class Counted:
    """A data set's images by split, and the names of its classes in the order of their labels."""

    images: Mapping[str, int]
    classes: Sequence[str]

    @classmethod
    def of_state(cls, state: DataState) -> "Counted | None":
        """As a list has them; None where the record of an older program does not say."""
        return cls(state.images, state.classes) if state.images else None


def counted_by_settings(settings: DatasetSettings) -> Counted | None:
    """Of images that the program makes: how many there will be; None for those on disk."""
    if not isinstance(settings, Synthetic):
        return None
    numbers = {str(split): n * len(settings.contents) for split, n in settings.per_class.items()}
    return Counted(numbers, sorted(settings.contents))


def wrong_numbers(
    configuration: Configuration, asked: Asked, counted: Mapping[str, Counted]
) -> Iterator[Finding]:
    """What is wrong with an experiment for the images that there are.

    ``counted`` may lack data sets that are not here yet; of these, what their settings say for sure
    is looked at.
    """
    if asked.evaluated:
        split = configuration.experiments[asked.name].evaluation.split
        yield from _without(split, "evaluation.split", configuration, asked, counted)
    if asked.validated:
        yield from _without(VALIDATION_SPLIT, "publish.arm", configuration, asked, counted)
    yield from _of_best_weights(configuration, asked, counted)
    yield from _of_selection(configuration, asked, counted)
    yield from _of_batch(configuration, asked, counted)
    yield from _of_shards(configuration, asked, counted)


def _without(
    split: str,
    key: str,
    configuration: Configuration,
    asked: Asked,
    counted: Mapping[str, Counted],
) -> Iterator[Finding]:
    """That the target has no image in a split that a ``key`` of the experiment needs."""
    target = configuration.experiments[asked.name].target
    settings = configuration.datasets[target]
    if target in counted:
        images = counted[target].images
        there = tuple(name for name in SPLITS if images.get(name))
        numbers = ", ".join(f"{name} {images.get(name, 0):,}" for name in SPLITS)
        what = f"has no image in the split `{split}` ({numbers})"
    else:
        there = possible_splits(settings)
        what = f"can have no image in the split `{split}`, by its settings"
    if split in there:
        return
    others = [name for name in there if name != "train"]
    instead = f", or evaluate on `{others[0]}`" if others else ""
    if key == "publish.arm":
        what += f", by which `{BEST}` is chosen"
        instead = f", or name the arm to publish (`{METHOD}`)"
    if key.endswith("training.keep"):
        what += ", by which the best weights are chosen"
        instead = ", or set `keep: last`"
    yield Finding(
        f"experiments.{asked.name}.{key}",
        f"`{target}` {what}. {_how_to_have(split, target, settings)}{instead}",
    )


def _of_best_weights(
    configuration: Configuration, asked: Asked, counted: Mapping[str, Counted]
) -> Iterator[Finding]:
    """Whether there is anything to choose the best weights by, and to judge them by besides."""
    experiment = configuration.experiments[asked.name]
    kept = {arm.name: arm.training.keep for arm in asked.complete(experiment)}
    for key, keep in _own_or_of_arm(asked, experiment.training.keep, kept).items():
        if keep != "best_on_val":
            continue
        below = f"{key}.training.keep".removeprefix(f"experiments.{asked.name}.")
        yield from _without(VALIDATION_SPLIT, below, configuration, asked, counted)
        if experiment.evaluation.split == VALIDATION_SPLIT:
            yield Finding(
                f"experiments.{asked.name}.{below}",
                f"chooses by `{VALIDATION_SPLIT}`, which evaluation.split reports on: the accuracy "
                "is that of the best moment, and too good. Evaluate on `test` in the end",
                stops=False,
            )


def _how_to_have(split: str, target: str, settings: DatasetSettings) -> str:
    key = f"datasets.{target}"
    if isinstance(settings, ImageFolder | TorchvisionSet | Cameras):
        if settings.random_split is None:
            return f"Name it in {key}.splits, or give `random_split` instead"
        if split == VALIDATION_SPLIT and settings.random_split.val:
            return (
                f"The share `val` of {key}.random_split, {settings.random_split.val:g}, is "
                "no image of any class: raise it, or take classes with more images"
            )
        if split == VALIDATION_SPLIT:
            return f"Give {key}.random_split a share `val`, 0.1 for example"
        return f"Lower `train` or `val` of {key}.random_split: the rest is the split `test`"
    ways: dict[type, str] = {
        CsvList: f"Give it rows in the column {key}.split_column of the table",
        Synthetic: f"Give it a number in {key}.per_class",
    }
    if split == VALIDATION_SPLIT:
        ways[Flowers102] = f"Set {key}.train to `trn`"
        ways[Caltech256] = f"Give {key}.val_per_class a number"
    other = f"Take a target whose reader has such a split; {key}.reader is {settings.reader}"
    return ways.get(type(settings), other)


def possible_splits(settings: DatasetSettings) -> tuple[str, ...]:
    """The splits that a data set can have by its settings alone."""
    if isinstance(settings, ImageFolder | TorchvisionSet | Cameras):
        drawn = settings.random_split
        if drawn is None:
            return tuple(settings.splits or ())
        all_drawn = max(drawn.train, drawn.val) < 1 and drawn.train + drawn.val >= 1 - 1e-9
        return "train", *(["val"] if drawn.val else []), *([] if all_drawn else ["test"])
    if isinstance(settings, Synthetic):
        return tuple(split for split, number in settings.per_class.items() if number)
    with_val = {
        "flowers102": isinstance(settings, Flowers102) and settings.split_of_validation == "val",
        "caltech256": isinstance(settings, Caltech256) and settings.val_per_class > 0,
    }
    if settings.reader in with_val:
        return "train", *(["val"] if with_val[settings.reader] else []), "test"
    if isinstance(settings, CsvList) and settings.split_column is None:
        return ("train",)
    return SPLITS_OF_READERS.get(settings.reader, SPLITS)


def _of_selection(
    configuration: Configuration, asked: Asked, counted: Mapping[str, Counted]
) -> Iterator[Finding]:
    experiment = configuration.experiments[asked.name]
    selecting = [arm for arm in asked.complete(experiment) if arm.selects]
    if not selecting or any(name not in counted for name in experiment.sources):
        return
    images = sum(counted[name].images.get("train", 0) for name in experiment.sources)
    if not images:  # which is a finding of its own
        return
    told: set[str] = set()
    of_arms = {arm.name: arm.selection for arm in selecting}
    for key, selection in _own_or_of_arm(asked, experiment.selection, of_arms).items():
        for finding in _of_numbers(f"{key}.selection", selection, images, experiment.sources):
            if finding.message not in told:
                told.add(finding.message)
                yield finding


def _own_or_of_arm(
    asked: Asked, own: Section, of_arms: Mapping[str, Section]
) -> dict[str, Section]:
    """Sections by the key that they stand below: the experiment's, and those that arms change."""
    key = f"experiments.{asked.name}"
    found = {key: own} if own in of_arms.values() else {}
    return found | {f"{key}.arms.{name}": part for name, part in of_arms.items() if part != own}


def _of_numbers(
    key: str, selection: SelectionSettings, images: int, names: Sequence[str]
) -> Iterator[Finding]:
    sources = " and ".join(f"`{name}`" for name in names)
    have = "has" if len(names) == 1 else "have"
    wanted = selection.initial_neighbours
    if wanted > images:
        yield Finding(
            f"{key}.initial_neighbours",
            f"{wanted:,} neighbours of each target image are wanted, but {sources} {have} "
            f"{images:,} training images. Allowed: {images:,} and less; with a tenth, "
            f"{max(1, images // 10):,}, there is something to choose",
        )
    elif 2 * wanted > images:
        yield Finding(
            f"{key}.initial_neighbours",
            f"{wanted:,} neighbours of each target image are more than half of the {images:,} "
            f"training images of {sources}: little is left out, and selection can change little",
            stops=False,
        )
    if selection.least_images_per_class > images:
        yield Finding(
            f"{key}.least_images_per_class",
            f"no class can have {selection.least_images_per_class:,} images: {sources} "
            f"{have} {images:,}",
        )


def _of_batch(
    configuration: Configuration, asked: Asked, counted: Mapping[str, Counted]
) -> Iterator[Finding]:
    experiment = configuration.experiments[asked.name]
    if experiment.target not in counted:
        return
    images = counted[experiment.target].images.get("train", 0)
    sizes = {arm.name: arm.training.target_batch for arm in asked.complete(experiment)}
    own = experiment.training.target_batch
    for key, size in {
        f"experiments.{asked.name}": own,
        **_own_or_of_arm(asked, own, sizes),
    }.items():
        if size > images > 0:
            yield Finding(
                f"{key}.training.target_batch",
                f"{size} target images a forward pass are more than the "
                f"{images} training images of `{experiment.target}`: some come twice in it",
                stops=False,
            )


def _of_shards(
    configuration: Configuration, asked: Asked, counted: Mapping[str, Counted]
) -> Iterator[Finding]:
    experiment = configuration.experiments[asked.name]
    for name in (experiment.target, *experiment.sources):
        shards = configuration.datasets[name].shards
        if name in counted and shards > (images := counted[name].images.get("train", 0)) > 0:
            yield Finding(
                f"datasets.{name}.shards",
                f"{shards:,} shards of {images:,} training images: some would be empty. Take "
                f"{max(1, images // 100):,} or so",
            )
