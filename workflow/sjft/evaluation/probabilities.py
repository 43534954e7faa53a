"""Probabilities of all classes on file: what every figure of a run follows from, without a network.

The scores of several runs can be averaged (model fusion), and other figures taken, from these
files alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.storage.hdf5 import Variable, create_hdf5, open_hdf5

KIND, VERSION = "sjft-probabilities", 1


@dataclass(frozen=True)
class Probabilities:
    """Class probabilities of labelled images.

    ``paths`` [images] as in images.csv; ``labels`` int64 [images]; ``values`` float32
    [images, classes], each row of sum 1; ``class_names`` [classes] in the order of the labels.
    """

    paths: list[str]
    labels: NDArray[np.int64]
    values: NDArray[np.float32]
    class_names: list[str]


def write_probabilities(
    path: Path, probabilities: Probabilities, config: Mapping[str, Any], inputs: Mapping[str, str]
) -> None:
    """Write probabilities as HDF5, atomically; `sjft.storage.hdf5` says what else it takes."""
    with create_hdf5(path, kind=KIND, version=VERSION, config=config, inputs=inputs) as writer:
        writer.add(
            "path",
            Variable(np.array(probabilities.paths, str), ("image",), "Path as in images.csv"),
        )
        writer.add("label", Variable(probabilities.labels, ("image",), "Number of the true class"))
        writer.add(
            "probability",
            Variable(
                probabilities.values,
                ("image", "class"),
                "Probability of each class, the mean over the image's views",
            ),
        )
        writer.add(
            "class_name",
            Variable(np.array(probabilities.class_names, str), ("class",), "Name of the class"),
        )


def read_probabilities(path: Path) -> Probabilities:
    """Read what `write_probabilities` wrote; raises `UserError` for any other file."""
    with open_hdf5(path, kind=KIND, version=VERSION) as file:
        return Probabilities(
            [name.decode() for name in file["path"][:]],
            file["label"][:],
            file["probability"][:],
            [name.decode() for name in file["class_name"][:]],
        )


def aligned(runs: Mapping[str, Probabilities]) -> dict[str, Probabilities]:
    """The runs with their images in the order of the first one's.

    Raises `UserError` where one has other images, other classes or other labels.
    """
    (name, first), *_ = runs.items()
    return {other: _like(first, name, run, other) for other, run in runs.items()}


def _like(first: Probabilities, name: str, run: Probabilities, other: str) -> Probabilities:
    if run.class_names != first.class_names:
        raise UserError(
            f"{other}: has other classes than {name} ({_difference(run, first, 'class_names')}). "
            "Only runs on the same target can be compared or fused."
        )
    if sorted(run.paths) != sorted(first.paths):
        raise UserError(
            f"{other}: was evaluated on other images than {name} "
            f"({_difference(run, first, 'paths')}). Only runs on the same split of the same target "
            "can be compared or fused."
        )
    rows = {path: row for row, path in enumerate(run.paths)}
    order = np.array([rows[path] for path in first.paths])
    if not np.array_equal(run.labels[order], first.labels):
        row = int(np.flatnonzero(run.labels[order] != first.labels)[0])
        raise UserError(
            f"{other}: {first.paths[row]} has another class than in {name}. Evaluate both anew."
        )
    return Probabilities(first.paths, first.labels, run.values[order], first.class_names)


def _difference(run: Probabilities, first: Probabilities, what: str) -> str:
    ours, theirs = getattr(run, what), getattr(first, what)
    only = sorted(set(ours) ^ set(theirs))
    counted = f"{len(ours)} and {len(theirs)}"
    return f"{counted}; {only[0]!r} is in one alone" if only else f"{counted}, in another order"
