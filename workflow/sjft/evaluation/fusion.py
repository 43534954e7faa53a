"""Model fusion: averaging the class probabilities of any runs on the same images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sjft.errors import UserError
from sjft.evaluation.accuracy import accuracies, prediction_table
from sjft.evaluation.probabilities import Probabilities, read_probabilities, write_probabilities
from sjft.storage.files import digest_of_file, write_json, write_plain_table

FILE = "probabilities.h5"


def fuse(runs: Mapping[str, Probabilities]) -> Probabilities:
    """The mean of several runs' class probabilities, of each image.

    The names are for the message of the `UserError` that is raised where images or classes differ.
    """
    same = list(aligned(runs).values())
    mean = np.stack([run.values for run in same]).mean(axis=0, dtype=np.float64)
    return Probabilities(
        same[0].paths, same[0].labels, mean.astype(np.float32), same[0].class_names
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


def read_run(place: Path) -> Probabilities:
    """A run's probabilities, by its folder or by the file in it; raises `UserError`."""
    return read_probabilities(place / FILE if place.is_dir() else place)


def fuse_folders(places: Sequence[Path], output: Path | None) -> str:
    """Fuse runs by their folders; the text compares them.

    With ``output`` the fused run is written there, as `evaluate` writes one, so that it can be
    fused and compared in its turn. Raises `UserError` for what is no run, or belongs to others.
    """
    if len(set(places)) < max(2, len(places)):
        raise UserError("Give two or more different runs: folders such as results/E/runs/ARM-SEED.")
    runs = {str(place): read_run(place) for place in places}
    fused = fuse(runs)
    measured = accuracies(fused.values, fused.labels, fused.class_names)
    if output is not None:
        if (output / FILE).exists():
            raise UserError(f"{output / FILE}: is there already. Give another folder.")
        write_json(output / "evaluation.json", measured)
        write_plain_table(output / "predictions.csv", prediction_table(fused))
        files = [place / FILE if place.is_dir() else place for place in places]
        digests = {str(file): digest_of_file(file) for file in files}
        write_probabilities(output / FILE, fused, {"fused": list(runs)}, digests)
    rows = {n: accuracies(r.values, r.labels, r.class_names) for n, r in runs.items()}
    width = max(map(len, rows))
    lines = [
        f"{name:<{width}}  {100 * of_run['mean_class_accuracy']:6.2f} %  "
        f"{100 * of_run['accuracy']:6.2f} %"
        for name, of_run in {**rows, "fusion": measured}.items()
    ]
    head = f"{len(fused.paths)} images; mean class accuracy, and top-1:"
    return "\n".join([head, *lines])
