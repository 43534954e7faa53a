"""The arguments of the commands that show images to a published model: predict, evaluate."""

import argparse

from pydantic import ValidationError

from sjft.cli.arguments import count, path
from sjft.errors import UserError
from sjft.settings.image_limits import ImageLimits


def add_predict(predict: argparse.ArgumentParser) -> None:
    """The arguments of `sjft predict`."""
    predict.add_argument("model", type=path, help="for example results/demo/model.pt")
    predict.add_argument("images", type=path, nargs="+", help="files, or folders of images")
    predict.add_argument("--top", type=count, default=3, metavar="N", help="classes an image (3)")
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list in JSON instead of a table")
    form.add_argument("--json-lines", action="store_true", help="an object of JSON a line")
    form.add_argument("--csv", action="store_true", help="CSV with a head, an image a row")
    predict.add_argument(
        "--sort-into",
        type=path,
        metavar="FOLDER",
        help="copy each image into a folder per predicted class, in a new folder",
    )
    predict.add_argument(
        "--link", action="store_true", help="with --sort-into: links in place of copies"
    )
    _add_scoring(predict)


def add_evaluate(evaluate: argparse.ArgumentParser) -> None:
    """The arguments of `sjft evaluate`."""
    evaluate.add_argument("model", type=path, help="for example results/demo/model.pt")
    evaluate.add_argument("folder", type=path, help="labelled images: one folder per class")
    evaluate.add_argument("--json", action="store_true", help="all figures in JSON")
    evaluate.add_argument(
        "--output", type=path, metavar="FOLDER", help="write tables of predictions and classes"
    )
    _add_scoring(evaluate)


def _add_scoring(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--single-view",
        action="store_true",
        help="the central crop alone, instead of all views that the evaluation averaged over",
    )
    command.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the network runs"
    )
    command.add_argument(
        "--batch", type=count, default=64, metavar="N", help="views a forward pass (64)"
    )
    for name, unit in (("--largest-file", "MB (10^6 bytes)"), ("--largest-image", "megapixels")):
        command.add_argument(
            name, type=float, metavar="N", help=f"{unit}, as the key of a data set; larger is bad"
        )


def limits_of(chosen: argparse.Namespace) -> ImageLimits:
    """How large an image may be; raises `UserError` for a size that makes no sense."""
    given = {key: getattr(chosen, key) for key in ImageLimits.model_fields}
    try:
        return ImageLimits.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        problem = error.errors()[0]
        option = str(problem["loc"][0]).replace("_", "-")
        raise UserError(f"--{option}: {problem['msg']}, got {problem['input']}.") from None
