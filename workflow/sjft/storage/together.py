"""Several files that are written for a user: all of them, or none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from sjft.errors import UserError


def refuse_existing(paths: Sequence[Path]) -> None:
    """Raises `UserError` where one of these files is there already: nothing is overwritten."""
    for path in paths:
        if path.exists():
            raise UserError(
                f"{path}: is there already, and is not overwritten. Name another folder, or remove "
                "it."
            )


@contextmanager
def new_together(paths: Sequence[Path]) -> Iterator[None]:
    """For a block that writes these files; where it fails, none of them is left.

    So the same command can be given again once there is room. Raises `UserError` as
    `refuse_existing` does.
    """
    refuse_existing(paths)
    try:
        yield
    except BaseException:
        for path in paths:
            with suppress(OSError):
                path.unlink(missing_ok=True)
        raise
