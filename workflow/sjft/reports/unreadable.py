"""Images that could not be read, and that a figure is therefore without, in words."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sjft.data.omissions import shown
from sjft.wording import counted

NAMED = 5


def skipped_of(evaluations: Iterable[Mapping[str, Any]]) -> list[str]:
    """Paths of the images that any of these evaluations (evaluation.json) skipped."""
    return sorted({image["path"] for one in evaluations for image in one.get("skipped", [])})


def told_unreadable(paths: Sequence[str], whose: str, what: str) -> str:
    """How many images of ``whose`` have no part in ``what``, and the first of them."""
    named = ", ".join(map(shown, paths[:NAMED])) + ", ..." * (len(paths) > NAMED)
    images, has = counted(len(paths), "image"), "has" if len(paths) == 1 else "have"
    return f"{images} of {whose} could not be read, and {has} no part in {what}: {named}."
