"""From a working folder into place: by renaming, and without overwriting anything."""

import filecmp
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from sjft.errors import UserError


def move_into_place(moves: Iterable[tuple[Path, Path]]) -> None:
    """Move files and folders to their places; folders that are there already are added to.

    What an earlier call has moved before it was killed is no longer at its source and is left out.
    A file that is there already with the same bytes is kept. Raises `UserError` for a place that
    something else has; then nothing has been moved.
    """
    there = [(source, place) for source, place in moves if os.path.lexists(source)]
    taken = [place for pair in there for place in _taken(*pair)]
    if taken:
        more = f", and {len(taken) - 1} more" if len(taken) > 1 else ""
        raise UserError(
            f"{taken[0]}: something else has this place already{more}. Nothing is overwritten: "
            "move or remove it, and run again."
        )
    for source, place in there:
        _move(source, place)


def _taken(source: Path, place: Path) -> Iterator[Path]:
    if not os.path.lexists(place):
        return
    if source.is_dir() and place.is_dir():
        for entry in sorted(source.iterdir()):
            yield from _taken(entry, place / entry.name)
    elif source.is_dir() or not place.is_file() or not filecmp.cmp(source, place, shallow=False):
        yield place


def _move(source: Path, place: Path) -> None:
    if not os.path.lexists(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        source.rename(place)
    elif source.is_dir():
        for entry in sorted(source.iterdir()):
            _move(entry, place / entry.name)
    else:
        source.unlink()
