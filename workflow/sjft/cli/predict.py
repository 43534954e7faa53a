"""The command `sjft predict`: which images, in which form, and what is said of bad ones."""

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

from sjft.cli.scoring_arguments import limits_of
from sjft.data.omissions import shown
from sjft.errors import UserError
from sjft.model.file import load_published
from sjft.model.predict import images_in, predictions
from sjft.model.predict_output import Form, written_as_they_come
from sjft.model.sorted_folder import sorted_folder

NAMED = 5
# What ends a command from outside; of SIGINT Python makes an exception by itself.
ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


def predict_to(output: TextIO, chosen: argparse.Namespace) -> None:
    """Write a prediction for each image, batch by batch; notes go to stderr.

    Raises `UserError` where images cannot be read, when all others are written.
    """
    limits = limits_of(chosen)
    model = load_published(chosen.model)
    paths, left_out = images_in(chosen.images)
    for line in left_out:
        print(f"sjft: {shown(line)}", file=sys.stderr)
    folder = None
    if chosen.sort_into is not None:
        folder = sorted_folder(chosen.sort_into, links=chosen.link)
    elif chosen.link:
        raise UserError("--link: says how --sort-into FOLDER is filled, which is not given.")
    done, bad = 0, []
    try:
        with (
            _ended_as_by_hand(),
            written_as_they_come(_form(chosen), output, paths, model.classes, chosen.top) as write,
        ):
            for prediction in predictions(
                model,
                paths,
                chosen.top,
                device=chosen.device,
                batch=chosen.batch,
                single_view=chosen.single_view,
                limits=limits,
            ):
                write(prediction)
                if folder is not None:
                    folder.add(prediction)
                done += 1
                if prediction.error:
                    bad.append(shown(str(prediction.path)))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"after {done} of {len(paths)} images") from None
    if folder is not None:
        print(f"sjft: {folder.summary()}", file=sys.stderr)
    if bad:
        names = ", ".join(bad[:NAMED]) + ", ..." * (len(bad) > NAMED)
        raise UserError(f"{len(bad)} of {len(paths)} images could not be read: {names}")


@contextmanager
def _ended_as_by_hand() -> Iterator[None]:
    """Let `ENDING` end the block as Ctrl-C does, so that what was begun is closed.

    A signal that is ignored already, SIGHUP under `nohup` say, stays so.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    usual = [number for number in ENDING if signal.getsignal(number) == signal.SIG_DFL]
    for number in usual:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)


def _form(chosen: argparse.Namespace) -> Form:
    if chosen.csv:
        return "csv"
    return "json" if chosen.json else "json-lines" if chosen.json_lines else "text"
