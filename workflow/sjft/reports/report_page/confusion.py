"""What is taken for what: a matrix each of whose counts leads to the images behind it.

Images that are held out are read by `evaluate` and the leakage check alone: the page names them,
with what the network said of them, and holds none. Opened as a file, it has the browser show them.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sjft.evaluation.accuracy import confusion
from sjft.evaluation.probabilities import Probabilities, read_probabilities
from sjft.reports.names import named
from sjft.reports.report_page.blocks import Block, Cell, Matrix, Table, Text, percent
from sjft.reports.report_page.inputs import RunFiles
from sjft.wording import counted

MOST_CLASSES = 40
MOST_NAMED = 20  # images of a count
OTHERS = "another class"


@dataclass(frozen=True)
class _Confusion:
    """``counts`` int64 [classes, predicted classes] of a run's ``answers``; ``shown`` classes."""

    answers: Probabilities
    counts: NDArray[np.int64]
    shown: list[int]

    @property
    def left_out(self) -> list[int]:
        """The classes that the matrix does not show, in their order."""
        return sorted(set(range(len(self.counts))) - set(self.shown))


def confusions(run: RunFiles, images: Path, page: Path) -> list[Block]:
    """The matrix, what it leaves out, and every mistake as a table.

    ``images`` is the folder of the target's images, for links to them.
    """
    answers = read_probabilities(run.probabilities)
    counts = confusion(answers.values, answers.labels)
    found = _Confusion(answers, counts, _worst(counts))
    blocks: list[Block] = []
    if found.left_out:
        blocks.append(Text(_told(found)))
    blocks.append(_matrix(run, found, os.path.relpath(images, page.parent)))
    if found.left_out:
        blocks.append(_others(run, found))
    return [*blocks, _mistakes(run, found)]


def _worst(counts: NDArray[np.int64]) -> list[int]:
    """The classes of which the smallest share is told right, in the order of the labels."""
    images = counts.sum(axis=1)
    right = np.divide(np.diagonal(counts), images, out=np.full(len(counts), 2.0), where=images > 0)
    return sorted(np.argsort(right, kind="stable")[:MOST_CLASSES].tolist())


def _told(found: _Confusion) -> str:
    mistakes = found.counts.sum() - np.trace(found.counts)
    of_shown = found.counts[found.shown].sum() - found.counts[found.shown, found.shown].sum()
    return (
        f"The matrix shows the {len(found.shown)} of {len(found.counts)} classes of which the "
        f"smallest share is told right, with {of_shown:,} of all {counted(mistakes, 'mistake')}; "
        "what they are taken for beyond these stands in its last column, and the other "
        f"{counted(len(found.left_out), 'class', 'classes')} in the table below it."
    )


##### the matrix #####


def _matrix(run: RunFiles, found: _Confusion, folder: str) -> Matrix:
    names = list(map(named, found.answers.class_names))
    columns = [names[label] for label in found.shown]
    rows, behind = [], {}
    predicted = found.answers.values.argmax(axis=1)
    for row, label in enumerate(found.shown):
        groups = [[other] for other in found.shown]
        groups += [found.left_out] if found.left_out else []
        cells: list[tuple[int, float] | None] = []
        for column, group in enumerate(groups):
            taken = np.flatnonzero((found.answers.labels == label) & np.isin(predicted, group))
            share = len(taken) / max(1, int(found.counts[label].sum()))
            cells.append((len(taken), share) if len(taken) else None)
            if len(taken):
                behind[f"{row},{column}"] = _named(found.answers, taken, label)
        rows.append(cells)
    content = {"classes": names, "folder": folder, "most": MOST_NAMED, "cells": behind}
    caption = (
        f"{run.name}: how the images of each class (row) were told (column). What stands on the "
        "framed diagonal is right. A press on a number names its images, the surest mistakes first."
    )
    shown = [*columns, OTHERS] if found.left_out else columns
    return Matrix(caption, columns, shown, rows, _json(content))


def _named(answers: Probabilities, rows: NDArray[np.intp], label: int) -> list[list[Any]]:
    """Path, predicted class, its probability, and that of the true class of some of the images.

    Of mistakes the surest come first, of right answers the least sure.
    """
    values = answers.values[rows]
    predicted, sure = values.argmax(axis=1), values.max(axis=1)
    order = np.argsort(np.where(predicted == label, sure, -sure), kind="stable")[:MOST_NAMED]
    return [
        [
            answers.paths[rows[place]],
            int(predicted[place]),
            round(float(sure[place]), 4),
            round(float(values[place, label]), 4),
        ]
        for place in order
    ]


def _json(content: Any) -> str:
    """As JSON that may stand in a script of a page, whatever names there are."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


##### tables #####


def _others(run: RunFiles, found: _Confusion) -> Table:
    names = list(map(named, found.answers.class_names))
    rows: list[list[Cell]] = []
    for label in found.left_out:
        of_class = found.counts[label].copy()
        images, right = int(of_class.sum()), int(of_class[label])
        of_class[label] = 0
        most = int(of_class.argmax())
        taken = f"{names[most]} ({of_class[most]})" if of_class[most] else None
        share = percent(right / images) if images else None
        rows.append([names[label], images, right, share, taken])
    head = ["class", "images", "right", "share", "most often taken for"]
    return Table(f"{run.name}: classes that the matrix leaves out", head, rows)


def _mistakes(run: RunFiles, found: _Confusion) -> Table:
    names = found.answers.class_names
    wrong = found.counts.copy()
    np.fill_diagonal(wrong, 0)
    true, predicted = np.nonzero(wrong)
    images = wrong[true, predicted]
    of = found.counts.sum(axis=1)[true]
    order = np.argsort(-images, kind="stable")
    rows = [
        [
            names[true[place]],
            names[predicted[place]],
            int(images[place]),
            int(of[place]),
            percent(images[place] / of[place]),
        ]
        for place in order
    ]
    head = ["true class", "taken for", "images", "of", "share"]
    return Table(f"{run.name}: all mistakes, the most frequent first", head, rows)
