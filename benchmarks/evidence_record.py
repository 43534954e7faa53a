"""The record of evidence: a row for each run that was made, with its answers image by image."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sjft.storage.files import digest_of_text, written_beside

Sections = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Run:
    """One run; accuracies are shares, ``answers`` says of each image whether it was right.

    ``settings`` is `settings_digest`, ``own_style`` the share of the borrowed images that look as
    the target does, where that is known, ``seconds`` the training's, where all of it was measured,
    ``validated`` the mean class accuracy on the validation split, of a run that is judged by
    another one, and ``machine`` the processor or GPU that it was trained on.
    """

    experiment: str
    arm: str
    seed: int
    settings: str
    commit: str
    split: str
    images: int
    mean_class_accuracy: float
    accuracy: float
    source_images: int
    own_style: float | None
    seconds: float | None
    answers: str
    validated: float | None = None
    machine: str = ""


def settings_digest(written: Sections, experiment: str) -> str:
    """Digest of what the configuration files say of an experiment, but for its arms and seeds.

    As written, not as completed by the program: a new key with its default makes no old run void.
    Nor does what is said of getting the data.
    """
    entry = {k: v for k, v in written["experiments"][experiment].items() if k != "ablation"}
    sources = [entry["source"]] if isinstance(entry["source"], str) else entry["source"]
    retrieval = written["retrievals"][entry["retrieval"]]
    parts = [
        entry,
        [
            {k: v for k, v in written["datasets"][name].items() if k != "how_to_get"}
            for name in (entry["target"], *sources)
        ],
        retrieval,
        written["banks"][retrieval["bank"]],
    ]
    return digest_of_text(json.dumps(parts, sort_keys=True))[:12]


def answers_of(right: NDArray[np.bool_]) -> str:
    """A bit an image, in hexadecimal."""
    return np.packbits(right).tobytes().hex()


def right_of(run: Run) -> NDArray[np.float64]:
    """What `answers_of` was given: 1.0 where right, [images], in the order of the paths."""
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(run.answers), np.uint8), count=run.images)
    return bits.astype(np.float64)


class Record:
    """`runs.csv` in a folder, and the labels of the images that runs were judged by."""

    def __init__(self, folder: Path) -> None:
        """Read what is there; raises `SystemExit` for a table of other columns."""
        self.folder = folder
        self._table, self._labels = folder / "runs.csv", folder / "labels.json"
        self.runs: list[Run] = []
        self.labels: dict[str, list[int]] = {}
        if self._labels.is_file():
            self.labels = json.loads(self._labels.read_text(encoding="utf-8"))
        if self._table.is_file():
            with self._table.open(encoding="utf-8", newline="") as file:
                self.runs = [_run(row, self._table) for row in csv.DictReader(file)]

    def has(self, experiment: str, arm: str, seed: int, settings: str) -> bool:
        """Whether this run was made."""
        return any(
            (run.experiment, run.arm, run.seed, run.settings) == (experiment, arm, seed, settings)
            for run in self.runs
        )

    def last_commit(self) -> str | None:
        """The program that made the last run."""
        return self.runs[-1].commit if self.runs else None

    def add(self, run: Run, labels: Sequence[int]) -> None:
        """Append a run, and write both files.

        Raises ValueError where an experiment's images are not those of its other runs.
        """
        known = self.labels.setdefault(run.settings, list(labels))
        if known != list(labels):
            raise ValueError(f"{run.experiment}, {run.arm}: judged by other images than before")
        self.runs.append(run)
        with written_beside(self._labels) as beside:
            beside.write_text(json.dumps(self.labels, sort_keys=True) + "\n", encoding="utf-8")
        with (
            written_beside(self._table) as beside,
            beside.open("w", encoding="utf-8", newline="") as file,
        ):
            writer = csv.DictWriter(file, [f.name for f in fields(Run)], lineterminator="\n")
            writer.writeheader()
            writer.writerows(asdict(run) for run in self.runs)


def _run(row: dict[str, str], table: Path) -> Run:
    if set(row) != {field.name for field in fields(Run)}:
        raise SystemExit(f"{table}: has the columns {', '.join(map(str, row))}.")
    return Run(
        row["experiment"],
        row["arm"],
        int(row["seed"]),
        row["settings"],
        row["commit"],
        row["split"],
        int(row["images"]),
        float(row["mean_class_accuracy"]),
        float(row["accuracy"]),
        int(row["source_images"]),
        float(row["own_style"]) if row["own_style"] else None,
        float(row["seconds"]) if row["seconds"] else None,
        row["answers"],
        float(row["validated"]) if row["validated"] else None,
        row["machine"],
    )
