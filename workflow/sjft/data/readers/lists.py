"""The files that publishers put beside their images: lines of text, and MATLAB's variables."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sjft.data.folders import cannot_be_read
from sjft.errors import UserError


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the number, from 1, and the text of each line that is not empty.

    White space at both ends is taken off, Windows line ends with it. Raises `UserError` for a
    file that is missing, not UTF-8, or empty.
    """
    empty = True
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, start=1):
                if text := line.strip():
                    empty = False
                    yield number, text
    except FileNotFoundError:
        raise _no_file(path) from None
    except OSError as error:
        raise cannot_be_read(error) from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 text ({error}). Convert it.") from None
    if empty:
        raise UserError(f"{path}: the file has no rows. Take it again from the publisher.")


def matlab_values(path: Path, *names: str) -> list[np.ndarray[Any, np.dtype[Any]]]:
    """The named variables of a MATLAB file, as arrays of one dimension.

    Raises `UserError` for a file that is missing or cannot be read, or lacks a variable.
    """
    # Most stages import the readers for images.csv alone.
    from scipy.io import loadmat  # noqa: PLC0415

    try:
        file = io.BytesIO(path.read_bytes())
    except FileNotFoundError:
        raise _no_file(path) from None
    except OSError as error:
        raise cannot_be_read(error) from None
    try:
        content = loadmat(file)
    except Exception as error:  # scipy stumbles over a damaged file in a dozen ways
        raise UserError(
            f"{path}: cannot be read as a MATLAB file ({error}). Take it again from the publisher."
        ) from None
    for name in names:
        if name not in content:
            there = sorted(key for key in content if not key.startswith("__"))
            raise UserError(
                f"{path}: has no variable `{name}`; it has {', '.join(there) or 'none'}. Take the "
                "publisher's file of this name."
            )
    return [np.ravel(content[name]) for name in names]


def text_of(cell: Any) -> str:
    """The text in a cell of a MATLAB cell array."""
    return str(np.ravel(cell)[0]).strip()


def whole_number(text: object) -> int | None:
    """The integer that a cell holds, or None."""
    try:
        return int(str(text))
    except ValueError:
        return None


def _no_file(path: Path) -> UserError:
    return UserError(
        f"{path}: there is no such file. The publisher offers it beside the images: put it there, "
        "or correct the data set's entry."
    )
