"""Inspection: what is known of a file of the pipeline, and whether it can be what it says.

Each kind of file is known to a module `inspection` of the package that reads it, which no stage
imports: what it says may change without anything being computed again. `sjft.cli.inspection` has
the list of them. A damaged file is refused by its checksum before; the checks here are of what a
checksum cannot tell, and find a file that was edited, or written by a program that was wrong.
"""

import hashlib
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

from sjft.errors import UserError
from sjft.storage.files import digest_of_text, read_table
from sjft.storage.hdf5 import config_of, inputs_of, open_hdf5

Values = dict[str, Any]
Schema = dict[str, type[pl.DataType] | pl.DataType]
_BYTES_AT_A_TIME = 2**24


@dataclass(frozen=True)
class Check:
    """Something that must be so of a whole file, and in words how it is not; None where it is."""

    what: str
    problem: str | None = None


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


##### checks #####


def none_of(what: str, wrong: NDArray[np.bool_], *axes: str) -> Check:
    """A check that fails where any of ``wrong`` is true; ``axes`` name its dimensions."""
    number = int(np.count_nonzero(wrong))
    if not number:
        return Check(what)
    first = np.unravel_index(int(wrong.argmax()), wrong.shape)
    place = ", ".join(f"{axis} {index}" for axis, index in zip(axes, first, strict=True))
    return Check(what, f"not so in {number:,} of {wrong.size:,} places, first at {place}")


def finite(what: str, values: NDArray[Any], *axes: str) -> Check:
    """Numbers that are neither NaN nor infinite."""
    return none_of(f"{what}: no NaN, nothing infinite", ~np.isfinite(values), *axes)


def ascending(what: str, values: NDArray[Any]) -> Check:
    """Numbers of images, each larger than the one before."""
    return none_of(f"{what} ascend, none twice", _not_above_the_last(values), "row")


def _not_above_the_last(values: NDArray[Any]) -> NDArray[np.bool_]:
    wrong = np.zeros(len(values), bool)
    wrong[1:] = values[1:] <= values[:-1]
    return wrong | (values < 0)


def close_to(what: str, value: float, expected: float, tolerance: float) -> Check:
    """A number that must be another, but for rounding."""
    good = abs(value - expected) <= tolerance  # False for NaN
    return Check(what, None if good else f"it is {value:g}, not {expected:g}")


def rows_of_table(what: str, table: pl.DataFrame, good: pl.Expr) -> Check:
    """A check of each row of a table; null is not good."""
    wrong = table.select((~good).fill_null(True).alias("wrong"))["wrong"].to_numpy()
    if not wrong.any():
        return Check(what)
    first = int(wrong.argmax())
    return Check(what, f"not so in {int(wrong.sum()):,} of {len(wrong):,} rows, first in {first}")


def labels_are_sorted_names(table: pl.DataFrame, *, dense: bool = True) -> Check:
    """Classes and labels are one to one, and labels in the order of the names."""
    what = "labels and class names belong together, in one order"
    pairs = table.select("label", "class_name").unique().sort("label")
    names, labels = pairs["class_name"].to_list(), pairs["label"].to_list()
    if len(set(names)) < len(names) or len(set(labels)) < len(labels):
        return Check(what, "a class has two labels, or a label two classes")
    if names != sorted(names):
        return Check(what, "labels are not in the order of the names")
    if dense and labels != list(range(len(labels))):
        return Check(what, f"labels are not 0 to {len(labels) - 1}")
    return Check(what)


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


def content_is_as_digested(file: h5py.File) -> Check:
    """Compare the digest of settings and data sets with the one that the file says."""
    what = "settings and data sets have the digest that was written"
    digests = []
    for name in sorted(file):
        whole = hashlib.sha256()
        dataset = file[name]
        row = max(1, dataset.dtype.itemsize * int(np.prod(dataset.shape[1:])))
        for start in range(0, len(dataset), rows := max(1, _BYTES_AT_A_TIME // row)):
            whole.update(np.ascontiguousarray(dataset[start : start + rows]).data)
        digests.append(f"{name}:{whole.hexdigest()}")
    found = digest_of_text("\n".join([file.attrs["config"], *digests]))
    said = file.attrs["digest"]
    return Check(what, None if found == said else f"it is {found}, and the file says {said}")


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


def sealed_table(path: Path, schema: Schema) -> pl.DataFrame:
    """A table whose digest holds; raises `UserError` for any other."""
    return read_table(path, schema)


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
