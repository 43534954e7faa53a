"""Prediction: a published model on anyone's images, seen as the evaluation saw its own."""

import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from sjft.data.folders import images_below
from sjft.data.pixels import USUAL_LIMITS
from sjft.errors import UserError
from sjft.evaluation.scoring import Scored, score_batches
from sjft.model.file import PublishedModel, settings_of
from sjft.networks.devices import choose_device
from sjft.networks.joint import JointNetwork
from sjft.settings.image_limits import ImageLimits


@dataclass(frozen=True)
class Prediction:
    """The most probable classes of one image, or why it cannot be used."""

    path: Path
    classes: list[tuple[str, float]]
    error: str = ""


def images_in(places: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The files that are named, and all images below the folders, sorted folder by folder.

    Folders are walked by the readers' own rules (`sjft.data.folders`); what these leave out is
    the second result, a line for each reason. A file that is named is taken whatever its name.
    Raises `UserError` for a place that is not there and for a folder without an image.
    """
    found: list[Path] = []
    left_out: list[str] = []
    for place in places:
        if not _is_folder(place):
            found.append(place)
            continue
        below, omissions = images_below(place)
        lines = omissions.lines()
        if not below:
            why = f" Left out: {'; '.join(lines)}." if lines else ""
            raise UserError(f"{place}: there is no image in this folder.{why}")
        found += sorted(place / path for path in below)
        left_out += [f"{place}: left out: {line}" for line in lines]
    return found, left_out


def _is_folder(place: Path) -> bool:
    try:
        return stat.S_ISDIR(place.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(_what_is_missing(place)) from None
    except OSError as error:
        raise UserError(f"{place}: cannot be read ({error.strerror}).") from None


def _what_is_missing(place: Path) -> str:
    try:
        target = place.readlink()
    except OSError:
        return f"{place}: there is no such file or folder."
    return f"{place}: is a link that leads nowhere, to {str(target)!r}."


def predictions(
    model: PublishedModel,
    paths: Sequence[Path],
    top: int,
    *,
    device: str = "auto",
    batch: int = 64,
    single_view: bool = False,
    limits: ImageLimits = USUAL_LIMITS,
) -> Iterator[Prediction]:
    """Each image's ``top`` most probable classes, in the order of ``paths``, batch by batch.

    Probabilities are the mean over the views that the evaluation took, which its accuracy is quoted
    for, or of the first scale's central crop alone; ``batch`` views share a forward pass. An image
    that cannot be read gets its reason instead. Raises `UserError` for a GPU that isn't there.
    """
    evaluation, training = settings_of(model, batch)
    waiting = iter(paths)
    for scored in score_batches(
        JointNetwork(model.facts["network"], model.network, model.classes, []),
        paths,
        evaluation.single_view() if single_view else evaluation,
        training,
        choose_device(device, "--device"),
        torch.get_num_threads(),
        limits,
    ):
        yield from _named(
            scored, islice(waiting, len(scored.rows) + len(scored.skipped)), model.classes, top
        )


def _named(
    scored: Scored, paths: Iterable[Path], classes: Sequence[str], top: int
) -> Iterator[Prediction]:
    """The predictions of one batch, whose images ``paths`` are."""
    order = np.argsort(-scored.probabilities, axis=1, kind="stable")[:, :top]
    found = {
        int(row): [(classes[label], float(values[label])) for label in labels]
        for row, labels, values in zip(scored.rows, order, scored.probabilities, strict=True)
    }
    reasons = iter(scored.skipped)
    for row, path in enumerate(paths, scored.first):
        if row in found:
            yield Prediction(path, found[row])
        else:
            yield Prediction(path, [], next(reasons).reason)
