"""How good a published model is on labelled images elsewhere, with intervals over the images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sjft.data.omissions import shown
from sjft.data.pixels import USUAL_LIMITS
from sjft.errors import BadImageError, UserError
from sjft.evaluation.accuracy import (
    accuracies,
    class_table,
    confusion,
    confusion_table,
    prediction_table,
)
from sjft.evaluation.probabilities import Probabilities
from sjft.evaluation.scoring import class_probabilities
from sjft.model.file import PublishedModel, settings_of
from sjft.model.labelled_folder import LabelledFolder
from sjft.networks.devices import choose_device
from sjft.networks.joint import JointNetwork
from sjft.reports.intervals import interval_of_mean_share, interval_of_share
from sjft.reports.variation import LEVEL
from sjft.settings.image_limits import ImageLimits
from sjft.storage.files import write_json, write_plain_table, writing
from sjft.storage.markdown import aligned
from sjft.storage.together import new_together, refuse_existing
from sjft.wording import counted

MOST_CONFUSIONS = 10
FILES = ("predictions.csv", "classes.csv", "confusion.csv", "evaluation.json")


@dataclass(frozen=True)
class Evaluated:
    """A model's answers on labelled images, and the images that could not be read."""

    listed: LabelledFolder
    probabilities: Probabilities
    bad: list[BadImageError]

    def values(self) -> dict[str, Any]:
        """All figures as plain values: those of `evaluation.json`, intervals, what was left out.

        Each accuracy's interval is Wilson's: see `sjft.reports.intervals`.
        """
        known, listed = self.probabilities, self.listed
        found = accuracies(known.values, known.labels, known.class_names)
        right = (known.values.argmax(axis=1) == known.labels).astype(np.float64)
        mean = interval_of_mean_share(right, known.labels)
        for row in found["classes"]:
            number = row["images"]
            row["interval"] = _ends(row["accuracy"], number) if number else None
        return {
            "folder": shown(str(listed.folder)),
            **found,
            "interval_level": LEVEL,
            "mean_class_accuracy_interval": [mean.low, mean.high],
            "accuracy_interval": _ends(float(right.mean()), len(right)),
            "confusion": self.confusions().to_dicts(),
            # What is no text, bytes of a name that are no UTF-8, no file of text holds.
            "skipped": [{"path": shown(str(e.path)), "reason": e.reason} for e in self.bad],
            "unknown_folders": {shown(name): times for name, times in listed.unknown.items()},
            "classes_without_images": listed.missing,
            "images_beside_folders": list(map(shown, listed.beside)),
            "left_out": listed.left_out,
        }

    def confusions(self) -> Any:
        """The confusion as a list; see `confusion_table`."""
        return confusion_table(self._counts, self.probabilities.class_names)

    @property
    def _counts(self) -> Any:
        return confusion(self.probabilities.values, self.probabilities.labels)

    def write(self, folder: Path) -> None:
        """Write `FILES` into a folder, the tables with the columns of an experiment's own.

        Raises `UserError` where one of them is there already, or where nothing can be written.
        """
        paths = output_paths(folder)
        names, values = self.probabilities.class_names, self.values()
        tables = [
            prediction_table(self.probabilities),
            class_table(self._counts, names),
            self.confusions(),
        ]
        *of_tables, of_all = paths
        with new_together(paths):
            for path, table in zip(of_tables, tables, strict=True):
                write_plain_table(path, table)
            write_json(of_all, values)


def output_paths(folder: Path) -> list[Path]:
    """`FILES` in a folder, which is made where it lacks; before scoring, which can take hours.

    Raises `UserError` where one of them is there already, or where the folder cannot be made.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in FILES]
    refuse_existing(paths)
    return paths


def evaluate_elsewhere(
    model: PublishedModel,
    listed: LabelledFolder,
    *,
    device: str = "auto",
    batch: int = 64,
    single_view: bool = False,
    limits: ImageLimits = USUAL_LIMITS,
) -> Evaluated:
    """Score labelled images as `sjft predict` sees them; see `sjft.model.predict.predictions`.

    Raises `UserError` for a GPU that isn't there, and where no image at all can be read.
    """
    evaluation, training = settings_of(model, batch)
    scored = class_probabilities(
        JointNetwork(model.facts["network"], model.network, model.classes, []),
        [listed.folder / path for path in listed.paths],
        evaluation.single_view() if single_view else evaluation,
        training,
        choose_device(device, "--device"),
        torch.get_num_threads(),
        limits,
    )
    if not len(scored.rows):
        first = scored.skipped[0]
        raise UserError(
            f"{listed.folder}: none of its {counted(len(scored.skipped), 'image')} could be "
            f"read; the first is {first.path}: {first.reason}"
        )
    known = Probabilities(
        [shown(listed.paths[row]) for row in scored.rows],
        listed.labels[scored.rows],
        scored.probabilities,
        model.classes,
    )
    return Evaluated(listed, known, scored.skipped)


def as_text(values: dict[str, Any]) -> str:
    """The figures of `Evaluated.values` for a terminal: accuracies, classes, confusions."""
    share = f"{100 * values['interval_level']:.0f} %"
    head = [f"accuracy over {counted(values['images'], 'image')}", "", f"{share} interval"]
    rows = [
        head,
        *(
            [name, _percent(values[key]), _range(values[f"{key}_interval"])]
            for name, key in (
                ("mean class accuracy", "mean_class_accuracy"),
                ("top-1 accuracy", "accuracy"),
            )
        ),
    ]
    classes = [["class", "images", "accuracy", f"{share} interval", "predicted", "precision"]]
    for row in values["classes"]:
        classes.append(
            [
                shown(row["class_name"]),
                str(row["images"]),
                _percent(row["accuracy"]),
                _range(row["interval"]),
                str(row["predicted"]),
                _percent(row["precision"]),
            ]
        )
    return "\n".join([*aligned(rows), "", *aligned(classes), *_mistakes(values["confusion"])])


def _mistakes(rows: Sequence[dict[str, Any]]) -> list[str]:
    wrong = [row for row in rows if row["class_name"] != row["predicted_class"]]
    if not wrong:
        return ["", "No image is taken for another class."]
    most = sorted(wrong, key=lambda row: -int(row["images"]))[:MOST_CONFUSIONS]
    table = [["class", "taken for", "images"]]
    table += [[shown(r["class_name"]), shown(r["predicted_class"]), str(r["images"])] for r in most]
    more = len(wrong) - len(most)
    rest = (
        [f"and {more} more {'pair' if more == 1 else 'pairs'}: `--output FOLDER` writes all"]
        if more
        else []
    )
    return ["", *aligned(table), *rest]


def _ends(share: float, images: int) -> list[float]:
    found = interval_of_share(share, images)
    return [found.low, found.high]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _range(ends: Sequence[float] | None) -> str:
    return "-" if ends is None else f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f} %"
