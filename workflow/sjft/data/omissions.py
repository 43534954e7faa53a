"""What is left out of a data set: counted by reason, and the first of each named."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

NAMED = 3


class Reason(Enum):
    """Why something is left out; ``{}`` stands for what is in common: an ending, a limit."""

    FOREIGN = (
        "image ending in {}, a format that is not read (save it as PNG or JPEG)",
        "images ending in {}, a format that is not read (save them as PNG or JPEG)",
        True,
    )
    DANGLING = ("link that leads nowhere", "links that lead nowhere", True)
    LOOP = (
        "link that leads back to a folder it lies in",
        "links that lead back to a folder they lie in",
        True,
    )
    AGAIN = (
        "folder that was reached by another path already",
        "folders that were reached by another path already",
        True,
    )
    SPECIAL = (
        "name of an image that is no file (a pipe, socket or device)",
        "names of images that are no files (pipes, sockets or devices)",
        True,
    )
    TOO_LARGE = (
        "image larger than {} MB (`largest_file`)",
        "images larger than {} MB (`largest_file`)",
        True,
    )
    UNLISTED = ("image on disk that is in no list", "images on disk that are in no list", False)
    EXCLUDED = (
        "class folder that the settings leave out",
        "class folders that the settings leave out",
        False,
    )
    SYSTEM = (
        "file or folder that systems leave behind",
        "files or folders that systems leave behind",
        False,
    )
    HIDDEN = ("hidden file or folder", "hidden files or folders", False)
    OTHER = ("file whose ending is no image's", "files whose endings are no images'", False)

    def __init__(self, one: str, several: str, is_warning: bool) -> None:
        """What one is and several are, and whether a user would hardly expect it."""
        self.one = one
        self.several = several
        self.is_warning = is_warning


@dataclass
class _Group:
    number: int = 0
    first: list[str] = field(default_factory=list)


class Omissions:
    """Everything that was left out. Names are kept for the first few of each group alone."""

    def __init__(self) -> None:
        """Begin with nothing left out."""
        self._groups: dict[tuple[Reason, str], _Group] = {}

    def clear(self) -> None:
        """Begin again with nothing left out."""
        self._groups.clear()

    def add(self, reason: Reason, path: str, common: str = "") -> None:
        """Count one more; files are counted apart by what they have in ``common``."""
        group = self._groups.setdefault((reason, common), _Group())
        group.number += 1
        if len(group.first) < NAMED:
            group.first.append(path)

    def count(self, *reasons: Reason) -> int:
        """How many were left out for these reasons; for any, where none is given."""
        return sum(
            group.number
            for (reason, _), group in self._groups.items()
            if not reasons or reason in reasons
        )

    def lines(self) -> list[str]:
        """One line a group, in the order of `Reason`: `2 links that lead nowhere: a.jpg, b.jpg`."""
        return [text for text, _ in self._described()]

    def log(self, logger: logging.Logger, where: object) -> None:
        """Write the lines to a log: what one would hardly expect as warnings."""
        for text, is_warning in self._described():
            level = logging.WARNING if is_warning else logging.INFO
            logger.log(level, "%s: left out: %s", where, text)

    def _described(self) -> Iterator[tuple[str, bool]]:
        order = list(Reason)
        for reason, common in sorted(self._groups, key=lambda key: (order.index(key[0]), key[1])):
            group = self._groups[reason, common]
            what = (reason.one if group.number == 1 else reason.several).format(common)
            names = ", ".join(map(shown, group.first)) + ", ..." * (group.number > NAMED)
            yield f"{group.number:,} {what}: {names}", reason.is_warning


def shown(path: str) -> str:
    """A path for a terminal or a log: what cannot be printed there is escaped."""
    return path if path.isprintable() else repr(path)[1:-1]
