"""Test images that stand in training as well: what the figures are without them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sjft.data.omissions import shown
from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities
from sjft.leakage.table import read_leakage
from sjft.reports.names import named
from sjft.reports.verdict import answers_of, mean_over_classes
from sjft.wording import counted


@dataclass(frozen=True)
class Duplicated:
    """The test images that stand in training, by path, and how many test images there are.

    ``lost_classes`` have none but these; ``left_out`` says whether the figures are without them.
    """

    images: Sequence[str]
    of: int
    lost_classes: Sequence[str]
    left_out: bool

    @property
    def told(self) -> str:
        """How many, whether they are left out, and of which classes nothing else is there."""
        one = len(self.images) == 1
        lost = ", ".join(named(shown(name)) for name in self.lost_classes)
        told = (
            f"{len(self.images)} of the {counted(self.of, 'test image')} "
            f"{'stands' if one else 'stand'} among the target's own training images"
        )
        if self.left_out:
            more = (
                f" No image is left of: {lost}; means are over the other classes." if lost else ""
            )
            return f"{told}, and {'is' if one else 'are'} left out.{more}"
        return f"{told}.{f' There are no others of: {lost}.' if lost else ''}"


def duplicated_among(
    found: Probabilities, duplicated: Collection[str], *, left_out: bool
) -> Duplicated | None:
    """Which of the images of a run are ``duplicated``; None where none is."""
    is_one = np.isin(found.paths, sorted(duplicated))
    if not is_one.any():
        return None
    lost = sorted({*found.labels[is_one].tolist()} - {*found.labels[~is_one].tolist()})
    images = sorted(path for path, one in zip(found.paths, is_one, strict=True) if one)
    names = [found.class_names[label] for label in lost]
    return Duplicated(images, len(found.paths), names, left_out)


def without(found: Probabilities, left_out: Collection[str]) -> Probabilities:
    """The probabilities of the images whose paths are not ``left_out``.

    Raises `UserError` where that is none.
    """
    kept = ~np.isin(found.paths, sorted(left_out))
    if not kept.any():
        raise UserError(
            f"All {len(found.paths)} test images stand among the target's own training images. "
            "Nothing is left to test on: split the data set anew, or take "
            "publish.leave_out_duplicates out."
        )
    paths = [path for path, keep in zip(found.paths, kept, strict=True) if keep]
    return Probabilities(paths, found.labels[kept], found.values[kept], found.class_names)


def read_duplicated(duplicates: Path | None) -> frozenset[str]:
    """Paths of the held-out images that stand in training, by duplicates.csv; none without it."""
    return frozenset(read_leakage(duplicates)["target_path"]) if duplicates else frozenset()


def figures(found: Probabilities) -> dict[str, Any]:
    """Mean class accuracy, top-1 accuracy and the number of images, as a summary has them."""
    answers = answers_of(found)
    return {
        "mean_class_accuracy": float(mean_over_classes(answers[None], found.labels)[0]),
        "accuracy": float(answers.mean()),
        "test_images": len(answers),
    }


def lines_on_duplicates(
    arms: Mapping[str, Mapping[str, Any]], duplicated: Mapping[str, Any] | None
) -> list[str]:
    """What the accuracies are without these images, or where they are left out, with them.

    ``arms`` and ``duplicated`` are those of a summary; nothing is said where no test image stands
    in training.
    """
    if duplicated is None:
        return []
    found = Duplicated(**duplicated)
    one = len(found.images) == 1
    key, words = (
        ("with_duplicates", f"Mean class accuracy with {'it' if one else 'them'}, on all")
        if found.left_out
        else ("without_duplicates", f"Mean class accuracy without {'it' if one else 'these'}, on")
    )
    by_arm = {arm: [run[key] for run in values["runs"]] for arm, values in arms.items()}
    runs = [run for of_arm in by_arm.values() for run in of_arm]
    if not all(runs):  # all test images stand in training: there is no figure without them
        return [found.told]
    told = ", ".join(
        f"{arm} {100 * np.mean([run['mean_class_accuracy'] for run in of_arm]):.1f} %"
        for arm, of_arm in by_arm.items()
    )
    return [found.told, f"{words} {counted(runs[0]['test_images'], 'test image')}: {told}."]


def without_duplicates(run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The figures of a summary's run without duplicates; None where it has none of these."""
    return run if run["with_duplicates"] else run["without_duplicates"]
