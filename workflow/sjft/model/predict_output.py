"""Predictions on a terminal or in a file, each written as it comes: what was computed is kept.

File names need not be text: what cannot be printed is escaped, and JSON stays JSON in any encoding.
"""

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, TextIO

from sjft.data.omissions import shown
from sjft.model.predict import Prediction

Form = Literal["text", "json", "json-lines", "csv"]
Write = Callable[[Prediction], None]
# Longer class names push their own line's columns aside.
WIDEST_CLASS = 40


@contextmanager
def written_as_they_come(
    form: Form, file: TextIO, paths: Sequence[Path], classes: Sequence[str], top: int = 1
) -> Iterator[Write]:
    """Give a function that writes a prediction at once.

    ``paths`` and ``classes`` are all that may come, for the width of the columns; ``top`` classes a
    image have a column each in CSV. Whatever ends the block, an array of JSON is closed.
    """
    if form == "csv":
        yield _rows(file, min(top, len(classes)))
        return
    if form == "json":
        yield from _array(file)
        return
    line = _line_of_json if form == "json-lines" else _columns(paths, classes)

    def write(prediction: Prediction) -> None:
        print(line(prediction, file.encoding), file=file, flush=True)

    yield write


def _array(file: TextIO) -> Iterator[Write]:
    """A list of objects, one by one, as `json.dumps` writes it at once."""
    before = "[\n"

    def write(prediction: Prediction) -> None:
        nonlocal before
        text = _json(_plain(prediction), file.encoding, indent=2).replace("\n", "\n  ")
        print(f"{before}  {text}", end="", file=file, flush=True)
        before = ",\n"

    try:
        yield write
    finally:
        print("[]" if before == "[\n" else "\n]", file=file, flush=True)


def _rows(file: TextIO, top: int) -> Write:
    """A row an image: its path, what is wrong with it, and ``top`` classes, the best first."""
    writer = csv.writer(file, lineterminator="\n")
    ranks = [(f"class_{rank}", f"probability_{rank}") for rank in range(1, top + 1)]
    writer.writerow(["path", "error", *(name for pair in ranks for name in pair)])

    def write(prediction: Prediction) -> None:
        found = [cell for pair in prediction.classes for cell in pair] or [""] * (2 * top)
        writer.writerow([str(prediction.path), prediction.error, *found])
        file.flush()

    return write


def _line_of_json(prediction: Prediction, encoding: str | None) -> str:
    return _json(_plain(prediction), encoding)


def _plain(prediction: Prediction) -> dict[str, Any]:
    """An object with ``path``, and ``classes`` or ``error``."""
    if prediction.error:
        return {"path": str(prediction.path), "error": prediction.error}
    classes = [{"class": name, "probability": share} for name, share in prediction.classes]
    return {"path": str(prediction.path), "classes": classes}


def _json(value: object, encoding: str | None, indent: int | None = None) -> str:
    """JSON as readable as the encoding allows; a file in memory has none.

    A name's bytes that are no UTF-8 are escaped as Python has them (`\\udcff`), and so come back.
    """
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode(encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def _columns(
    paths: Sequence[Path], classes: Sequence[str]
) -> Callable[[Prediction, str | None], str]:
    """A line an image: path, then classes with their probabilities in per cent, in columns."""
    path_width = max((len(shown(str(path))) for path in paths), default=0)
    class_width = min(max((len(shown(name)) for name in classes), default=0), WIDEST_CLASS)

    def line(prediction: Prediction, _: str | None) -> str:
        ranks = [f"{shown(n).ljust(class_width)} {100 * p:5.1f} %" for n, p in prediction.classes]
        cells = [prediction.error] if prediction.error else ranks
        return "  ".join([shown(str(prediction.path)).ljust(path_width), *cells])

    return line
