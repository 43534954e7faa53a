"""Model fusion: averaging the class probabilities of any runs on the same images."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sjft.errors import UserError
from sjft.evaluation.accuracy import accuracies, prediction_table
from sjft.evaluation.probabilities import (
    Probabilities,
    aligned,
    read_probabilities,
    write_probabilities,
)
from sjft.storage.files import digest_of_file, write_json, write_plain_table
from sjft.storage.together import new_together
from sjft.wording import counted

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


def read_run(place: Path) -> Probabilities:
    """A run's probabilities, by its folder or by the file in it; raises `UserError`."""
    return read_probabilities(place / FILE if place.is_dir() else place)


def fuse_folders(places: Sequence[Path], output: Path | None) -> str:
    """Fuse runs by their folders; the text compares them.

    With ``output`` the fused run is written there, as `evaluate` writes one, so that it can be
    fused and compared in its turn. Raises `UserError` for what is no run, or belongs to others.
    """
    files = [place / FILE if place.is_dir() else place for place in places]
    if len({file.resolve() for file in files}) < max(2, len(places)):
        raise UserError("Give two or more different runs: folders such as results/E/runs/ARM-SEED.")
    runs = {str(place): read_run(place) for place in places}
    fused = fuse(runs)
    measured = accuracies(fused.values, fused.labels, fused.class_names)
    if output is not None:
        record, table, every = (output / n for n in ("evaluation.json", "predictions.csv", FILE))
        digests = {str(file): digest_of_file(file) for file in files}
        with new_together([record, table, every]):
            write_json(record, measured)
            write_plain_table(table, prediction_table(fused))
            write_probabilities(every, fused, {"fused": list(runs)}, digests)
    rows = {n: accuracies(r.values, r.labels, r.class_names) for n, r in runs.items()}
    width = max(map(len, rows))
    lines = [
        f"{name:<{width}}  {100 * of_run['mean_class_accuracy']:6.2f} %  "
        f"{100 * of_run['accuracy']:6.2f} %"
        for name, of_run in {**rows, "fusion": measured}.items()
    ]
    head = f"{counted(len(fused.paths), 'image')}; mean class accuracy, and top-1:"
    return "\n".join([head, *lines])
