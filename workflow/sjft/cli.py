"""The command `sjft`: look into the pipeline's files, and use its models, from a terminal."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sjft import __version__
from sjft.errors import UserError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with one line on stderr for a user's error."""
    parser = argparse.ArgumentParser(prog="sjft", description=__doc__)
    parser.add_argument("--version", action="version", version=f"sjft {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser("inspect", help="describe an HDF5 file of the pipeline")
    inspect.add_argument("file", type=Path, help="for example results/.../neighbours.h5")
    inspect.add_argument(
        "--values", type=int, default=6, metavar="N", help="first values shown of each data set"
    )
    summary = commands.add_parser("summary", help="show an experiment's summary as a table")
    summary.add_argument("file", type=Path, help="for example results/demo/summary.json")
    predict = commands.add_parser("predict", help="classify pictures with a published model")
    predict.add_argument("model", type=Path, help="for example results/demo/model.pt")
    predict.add_argument("pictures", type=Path, nargs="+", help="files, or folders of pictures")
    predict.add_argument("--top", type=int, default=3, metavar="N", help="classes a picture")
    predict.add_argument("--json", action="store_true", help="JSON instead of a table")
    chosen = parser.parse_args(arguments)
    try:
        print(COMMANDS[chosen.command](chosen))
    except UserError as error:
        print(f"sjft: {error}", file=sys.stderr)
        return 1
    return 0


def _inspect(chosen: argparse.Namespace) -> str:
    from sjft.inspection import describe_hdf5  # noqa: PLC0415  (each command loads its own needs)

    return describe_hdf5(chosen.file, chosen.values)


def _summary(chosen: argparse.Namespace) -> str:
    from sjft.summary import read_summary  # noqa: PLC0415

    return str(read_summary(chosen.file)["table"])


def _predict(chosen: argparse.Namespace) -> str:
    from sjft.prediction import (  # noqa: PLC0415
        as_json,
        as_text,
        load_published,
        pictures_in,
        predict,
    )

    if chosen.top < 1:
        raise UserError(f"--top {chosen.top}: show one class at least.")
    paths = pictures_in(chosen.pictures)
    predictions = list(predict(load_published(chosen.model), paths, chosen.top))
    return as_json(predictions) if chosen.json else as_text(predictions)


COMMANDS = {"inspect": _inspect, "summary": _summary, "predict": _predict}
