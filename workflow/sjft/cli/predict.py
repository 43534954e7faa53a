"""The command `sjft predict`: which pictures, in which form, and what is said of bad ones."""

import argparse
import sys
from typing import TextIO

from pydantic import ValidationError

from sjft.data.omissions import shown
from sjft.errors import UserError
from sjft.model.file import load_published
from sjft.model.predict import pictures_in, predictions
from sjft.model.predict_output import Form, written_as_they_come
from sjft.settings.pictures import PictureLimits

NAMED = 5


def predict_to(output: TextIO, chosen: argparse.Namespace) -> None:
    """Write a prediction for each picture, batch by batch; notes go to stderr.

    Raises `UserError` where pictures cannot be read, when all others are written.
    """
    limits = _limits(chosen)
    model = load_published(chosen.model)
    paths, left_out = pictures_in(chosen.pictures)
    for line in left_out:
        print(f"sjft: {shown(line)}", file=sys.stderr)
    form: Form = "json" if chosen.json else "json-lines" if chosen.json_lines else "text"
    done, bad = 0, []
    try:
        with written_as_they_come(form, output, paths, model.classes) as write:
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
                done += 1
                if prediction.error:
                    bad.append(shown(str(prediction.path)))
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"after {done} of {len(paths)} pictures") from None
    if bad:
        names = ", ".join(bad[:NAMED]) + ", ..." * (len(bad) > NAMED)
        raise UserError(f"{len(bad)} of {len(paths)} pictures could not be read: {names}")


def _limits(chosen: argparse.Namespace) -> PictureLimits:
    given = {key: getattr(chosen, key) for key in PictureLimits.model_fields}
    try:
        return PictureLimits.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        option = str(problem["loc"][0]).replace("_", "-")
        raise UserError(f"--{option}: {problem['msg']}, got {problem['input']}.") from None
