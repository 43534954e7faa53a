"""Classes of which a split has no image, and that a mean over classes is therefore without."""

from collections.abc import Mapping, Sequence
from typing import Any

from sjft.data.omissions import shown
from sjft.evaluation.probabilities import Probabilities
from sjft.reports.names import named
from sjft.wording import counted

NAMED = 5


def untested_in(found: Probabilities) -> list[str]:
    """Classes of which a run was asked for no image, in the order of their labels."""
    there = set(found.labels.tolist())
    return [name for label, name in enumerate(found.class_names) if label not in there]


def told_untested(classes: Sequence[str], split: str) -> str:
    """That a ``split`` has no image of these ``classes``, of which the first are named."""
    names = ", ".join(named(shown(name)) for name in classes[:NAMED])
    more = ", ..." * (len(classes) > NAMED)
    what = counted(len(classes), "class", "classes")
    return (
        f"The split `{split}` has no image of {what} ({names}{more}): how well "
        f"{'it is' if len(classes) == 1 else 'they are'} told is not known, and means are over the "
        "other classes."
    )


def lines_on_untested(summary: Mapping[str, Any]) -> list[str]:
    """Which classes a summary's figures are without; older summaries do not say."""
    classes = summary.get("untested")
    return [told_untested(classes, summary["split"])] if classes else []
