"""Inspection: what is known of a file of the pipeline, and whether it can be what it says.

Each kind of file is known to a module `inspection` of the package that reads it, which no stage
imports: what it says may change without anything being computed again. `sjft.cli.inspection` has
the list of them. A damaged file is refused by its checksum before; the checks of
`sjft.storage.sanity` are of what a checksum cannot tell.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
from numpy.typing import NDArray
from polars.exceptions import PolarsError

from sjft.errors import UserError
from sjft.storage.files import content_of, digest_file, read_with_digest
from sjft.storage.hdf5 import config_of, inputs_of, open_hdf5
from sjft.storage.plain_tables import parsed_table
from sjft.storage.sanity import Check

Values = dict[str, Any]
Schema = dict[str, type[pl.DataType] | pl.DataType]


@dataclass(frozen=True)
class Plot:
    """What `sjft inspect --plot` draws: rows of plain values, and which keys stand where.

    ``mark`` is that of vega-lite; ``colour`` and ``band`` (lower and upper end) name further keys.
    """

    title: str
    rows: Sequence[Mapping[str, Any]]
    x: tuple[str, str]
    y: tuple[str, str]
    mark: str = "bar"
    colour: str | None = None
    band: tuple[str, str] | None = None
    discrete: bool = False


@dataclass(frozen=True)
class Names:
    """The paths that a file's own numbers stand for, as far as they are known.

    ``images`` are those of the file's rows, ``sources`` those of the images that its lists name.
    ``hint`` says what to do where they are not known.
    """

    images: Sequence[str] | None = None
    sources: Sequence[str] | None = None
    hint: str = ""

    def number(self, wanted: str) -> int:
        """The number of an image by its path, the end of its path, or the number itself."""
        if self.images is not None and (found := _ends_with(self.images, wanted)) is not None:
            return found
        if wanted.isascii() and wanted.isdigit():
            return int(wanted)
        if self.images is None:
            raise UserError(f"--image {wanted}: this file knows images by number. {self.hint}")
        raise _no_such_image(self.images, wanted)

    def of_image(self, number: int) -> str | None:
        """The path of a row's image; None where it is not known."""
        return _at(self.images, number)

    def of_source(self, number: int) -> str | None:
        """The path of a source image; None where it is not known."""
        return _at(self.sources, number)


def _at(paths: Sequence[str] | None, number: int) -> str | None:
    return paths[number] if paths is not None and 0 <= number < len(paths) else None


def _ends_with(paths: Sequence[str], wanted: str) -> int | None:
    """The place of a path; raises `UserError` where several end so."""
    found = [row for row, path in enumerate(paths) if path == wanted]
    found = found or [row for row, path in enumerate(paths) if path.endswith(f"/{wanted}")]
    if len(found) > 1:
        some = ", ".join(paths[row] for row in found[:3])
        raise UserError(f"--image {wanted}: {len(found)} images end so: {some}. Give more of it.")
    return found[0] if found else None


def _no_such_image(paths: Sequence[str], wanted: str) -> UserError:
    near = get_close_matches(wanted, list(paths)[:20_000], 3, 0.5) or list(paths)[:3]
    return UserError(
        f"--image {wanted}: there is no such image among the {len(paths)} of this file. It has "
        f"{', '.join(near) or 'none at all'}."
    )


@dataclass(frozen=True)
class Inspection:
    """All that is known of a file.

    ``what`` says in a sentence what it is; ``settings`` decided its content, ``inputs`` are the
    digests of what it was made from; ``sizes`` are figures by name. ``image`` gives one row of it,
    ``plot`` what can be drawn of it; None where there is no such thing. ``text`` is more for the
    terminal alone.
    """

    kind: str
    what: str
    settings: Values = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    sizes: Values = field(default_factory=dict)
    checks: Sequence[Check] = ()
    image: Callable[[str, Names], Values] | None = None
    plot: Callable[[], Plot] | None = None
    text: str | None = None


##### HDF5 #####


@contextmanager
def opened(path: Path, kind: str, version: int) -> Iterator[h5py.File]:
    """Open an HDF5 file to inspect it; raises `UserError` as `open_hdf5`, and for lost data sets.

    A file whose data sets are not those of its kind is no file that can be looked into.
    """
    with open_hdf5(path, kind=kind, version=version) as file:
        try:
            yield file
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise UserError(
                f"{path}: does not hold what a file of the format `{kind}` must hold ({error}). "
                "Remove it and run again."
            ) from None


def facts_of_hdf5(file: h5py.File) -> tuple[Values, dict[str, str]]:
    """A file's settings, and the digests of what it was made from."""
    return config_of(file), inputs_of(file)


def row_of_number(path: Path, numbers: NDArray[np.integer[Any]], wanted: int, what: str) -> int:
    """The row that holds an image; raises `UserError` where none does."""
    rows = np.flatnonzero(numbers == wanted)
    if not len(rows):
        raise UserError(
            f"--image {wanted}: {path} holds no {what} of this number. Its {len(numbers)} are "
            f"numbered from {numbers.min(initial=0)} to {numbers.max(initial=0)}; what cannot be "
            "read was left out (SHARD.skipped.csv)."
        )
    return int(rows[0])


##### tables #####


def table_row(table: pl.DataFrame, column: str = "path") -> Callable[[str, Names], Values]:
    """One row of a table, by its path, the end of it, or its number."""

    def row(wanted: str, _names: Names) -> Values:
        paths = table[column].to_list()
        found = _ends_with(paths, wanted)
        if found is None and wanted.isascii() and wanted.isdigit() and "image" in table.columns:
            found = table["image"].index_of(int(wanted))
        if found is None:
            raise _no_such_image(paths, wanted)
        return table.row(found, named=True)

    return row


def plain_table(path: Path) -> pl.DataFrame:
    """A table of any columns, held to its digest where it has one; raises `UserError` for none."""
    content = read_with_digest(path) if digest_file(path).exists() else content_of(path)
    try:
        return parsed_table(content)
    except PolarsError as error:
        raise UserError(f"{path}: cannot be read as a table ({error}).") from None


def histogram(values: NDArray[Any], bins: int = 40) -> list[Values]:
    """How many values lie where, for a plot: keys value and number; what is not finite is left."""
    kept = np.asarray(values, np.float64)
    counts, edges = np.histogram(kept[np.isfinite(kept)], bins)
    middle = (edges[1:] + edges[:-1]) / 2
    return [{"value": float(v), "number": int(n)} for v, n in zip(middle, counts, strict=True)]


def plain(value: Any) -> Any:
    """A value as JSON has it: no numpy, no tuples; what is not finite as text."""
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    simple = isinstance(value, str | int | float) or value is None
    return value if simple and (not isinstance(value, float) or isfinite(value)) else str(value)


def as_json(value: Any) -> str:
    """Plain values as one line of JSON."""
    return json.dumps(plain(value), ensure_ascii=False)
