"""Test images that stand in training as well: what the figures are without them."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sjft.errors import UserError
from sjft.evaluation.probabilities import Probabilities
from sjft.leakage.table import read_leakage
from sjft.reports.verdict import answers_of, mean_over_classes


def without(found: Probabilities, left_out: Collection[str]) -> Probabilities:
    """The probabilities of the images whose paths are not ``left_out``.

    Raises `UserError` where that is none.
    """
    kept = ~np.isin(found.paths, sorted(left_out))
    if not kept.any():
        raise UserError(
            f"All {len(found.paths)} test images stand among the target's own training images. "
            "Split the data set anew: nothing is left to test on."
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


def line_on_duplicates(arms: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What the accuracies are without these images, or where they are left out, with them.

    ``arms`` are those of a summary; there is no line where nothing stands in training.
    """
    for key, words in (
        ("with_duplicates", "These are left out above; mean class accuracy with them, on all"),
        ("without_duplicates", "Mean class accuracy without these, on"),
    ):
        by_arm = {arm: [run[key] for run in values["runs"]] for arm, values in arms.items()}
        found = [run for of_arm in by_arm.values() for run in of_arm]
        if found and all(found):
            told = ", ".join(
                f"{arm} {100 * np.mean([run['mean_class_accuracy'] for run in of_arm]):.1f} %"
                for arm, of_arm in by_arm.items()
            )
            return [f"{words} {found[0]['test_images']} test images: {told}."]
    return []
