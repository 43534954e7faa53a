"""The command `sjft predict`: which images, in which form, and what is said of bad ones."""

import argparse
import sys
from typing import TextIO

from sjft.cli.scoring_arguments import limits_of
from sjft.data.omissions import shown
from sjft.errors import UserError
from sjft.model.file import load_published
from sjft.model.predict import images_in, predictions
from sjft.model.predict_output import Form, written_as_they_come
from sjft.model.sorted_folder import sorted_folder

NAMED = 5


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
        with written_as_they_come(_form(chosen), output, paths, model.classes, chosen.top) as write:
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


def _form(chosen: argparse.Namespace) -> Form:
    if chosen.csv:
        return "csv"
    return "json" if chosen.json else "json-lines" if chosen.json_lines else "text"
