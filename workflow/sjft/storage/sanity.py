"""Checks of what a whole file holds: what a checksum cannot tell.

They find a file that was edited, or written by a program that was wrong.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.storage.files import digest_of_text

_BYTES_AT_A_TIME = 2**24


@dataclass(frozen=True)
class Check:
    """Something that must be so of a whole file, and in words how it is not; None where it is."""

    what: str
    problem: str | None = None


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


def each_once(what: str, names: Sequence[str]) -> Check:
    """Names of which none stands twice."""
    again = len(names) - len(set(names))
    return Check(f"{what} stand once each", f"{again} stand again" if again else None)


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


def numbers_are_finite(table: pl.DataFrame) -> Check:
    """No number of a table is NaN or infinite; there may be none in a place."""
    columns = table.select(pl.selectors.float().fill_null(0.0))
    return finite("numbers", columns.to_numpy(), "row", "column")
