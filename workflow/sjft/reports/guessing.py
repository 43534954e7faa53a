"""A warning where what an arm has learned cannot be told from guessing."""

from collections.abc import Sequence

import numpy as np

from sjft.evaluation.probabilities import Probabilities, aligned
from sjft.reports.intervals import interval_of_mean_share
from sjft.reports.variation import LEVEL
from sjft.reports.verdict import answers_of, mean_over_classes, points


def warning_of_guessing(runs: Sequence[Probabilities], arm: str) -> str | None:
    """A warning where the mean class accuracy of an ``arm`` may be that of guessing.

    ``runs`` are those of its seeds, on the same images. None where it is told to be better, and
    where there is one class alone. What names one class always is right in one of the classes that
    have test images.
    """
    same = list(aligned({str(number): run for number, run in enumerate(runs)}).values())
    answers, labels = np.array([answers_of(run) for run in same]), same[0].labels
    classes = len(np.unique(labels))
    if classes < 2:
        return None
    # Of these very trainings: two seeds tell so little of others that none would be told.
    found = interval_of_mean_share(answers.mean(axis=0), labels)
    if found.low > 1 / classes:
        return None
    accuracy = float(mean_over_classes(answers, labels).mean())
    return (
        f"What `{arm}` learned cannot be told from guessing, which is right in "
        f"{points(1 / classes)} %: {points(accuracy)} %, {100 * LEVEL:g} % between "
        f"{points(found.low)} and {points(found.high)}. See whether `target_accuracy` rises in its "
        "history.csv: if not, change training.learning_rate or raise training.updates; if so, more "
        "images are needed, to test on or to learn from."
    )
