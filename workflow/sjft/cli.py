"""The command `sjft`: look into the pipeline's files, and use its models, from a terminal."""

import argparse
import io
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

from sjft import __version__
from sjft.errors import UserError
from sjft.settings.plain_values import LONGEST_NAME
from sjft.settings.quoting import shown

INTERRUPTED = 130  # as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with one line on stderr for a user's error."""
    parser = argparse.ArgumentParser(prog="sjft", description=__doc__)
    parser.add_argument("--version", action="version", version=f"sjft {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    inspect = commands.add_parser(
        "inspect", help="describe an HDF5 file of the pipeline, or a published model"
    )
    inspect.add_argument("file", type=_path, help="for example results/.../neighbours.h5, model.pt")
    inspect.add_argument(
        "--values",
        type=partial(_count, least=0),
        default=6,
        metavar="N",
        help="first values shown of each data set",
    )
    summary = commands.add_parser("summary", help="show an experiment's summary as a table")
    summary.add_argument("file", type=_path, help="for example results/demo/summary.json")
    _add_predict(commands.add_parser("predict", help="classify pictures with a published model"))
    _add_export(commands.add_parser("export", help="write a published model in another format"))
    fuse = commands.add_parser("fuse", help="average the class probabilities of several runs")
    fuse.add_argument(
        "runs", type=_path, nargs="+", help="for example results/demo/runs/selective-0"
    )
    fuse.add_argument("--output", type=_path, metavar="FOLDER", help="write the fused run there")
    _add_plan(commands.add_parser("plan", help="say what an experiment will cost, before the run"))
    chosen = parser.parse_args(arguments)
    # Names of files and classes need not be of the terminal's letters.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if (text := COMMANDS[chosen.command](chosen)) is not None:
            print(text, flush=True)
    except UserError as error:
        print(f"sjft: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        print(" ".join(["sjft: interrupted", *map(str, interruption.args)]), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # who reads, `head` say, has seen enough: Python would flush again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _add_predict(predict: argparse.ArgumentParser) -> None:
    predict.add_argument("model", type=_path, help="for example results/demo/model.pt")
    predict.add_argument("pictures", type=_path, nargs="+", help="files, or folders of pictures")
    predict.add_argument("--top", type=_count, default=3, metavar="N", help="classes a picture (3)")
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list in JSON instead of a table")
    form.add_argument("--json-lines", action="store_true", help="an object of JSON a line")
    predict.add_argument(
        "--single-view",
        action="store_true",
        help="the central crop alone, instead of all views that the evaluation averaged over",
    )
    predict.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where the network runs"
    )
    predict.add_argument(
        "--batch", type=_count, default=64, metavar="N", help="views a forward pass (64)"
    )
    for name, unit in (("--largest-file", "MB (10^6 bytes)"), ("--largest-picture", "megapixels")):
        predict.add_argument(
            name, type=float, metavar="N", help=f"{unit}, as the key of a data set; larger is bad"
        )


def _add_export(export: argparse.ArgumentParser) -> None:
    export.add_argument("model", type=_path, help="for example results/demo/model.pt")
    export.add_argument("--format", required=True, choices=("onnx", "torchscript", "safetensors"))
    export.add_argument(
        "--output", type=_path, metavar="FILE", help="beside the model where not given"
    )


def _add_plan(plan: argparse.ArgumentParser) -> None:
    number: dict[str, Any] = {"type": _count, "metavar": "N"}
    plan.add_argument("experiment", help="its name in config/config.yaml")
    plan.add_argument("--configfile", type=_path, nargs="+", default=[], help="as for snakemake")
    plan.add_argument("--data-root", metavar="FOLDER", help="where the data sets lie")
    plan.add_argument("--target-images", **number, help="training images, of data not here")
    plan.add_argument("--heldout-images", **number, help="its val and test images (a quarter)")
    plan.add_argument("--source-images", **number, nargs="+", default=[], help="of each source")
    plan.add_argument("--sample", **number, default=24, help="pictures that are measured")


def _count(text: str, least: int = 1) -> int:
    # As figures of ASCII, and so few of them that int() takes them.
    if not (text.isascii() and text.isdigit()) or len(text) > 18 or int(text) < least:
        raise argparse.ArgumentTypeError(f"{shown(text)} is no whole number of at least {least}")
    return int(text)


def _path(text: str) -> Path:
    """A path that a file system can have; whether there is something is for the commands to say."""
    data = os.fsencode(text)
    if b"\0" in data or max(map(len, data.split(b"/"))) > LONGEST_NAME:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is no path: a name has {LONGEST_NAME} bytes at most, and none is NUL"
        )
    return Path(text)


def _inspect(chosen: argparse.Namespace) -> str:
    if is_zipfile(chosen.file):  # what torch.save writes
        from sjft.published import describe_published  # noqa: PLC0415

        return describe_published(chosen.file)
    from sjft.inspection import describe_hdf5  # noqa: PLC0415  (each command loads its own needs)

    return describe_hdf5(chosen.file, chosen.values)


def _summary(chosen: argparse.Namespace) -> str:
    from sjft.summary import read_summary  # noqa: PLC0415

    return str(read_summary(chosen.file)["table"])


def _predict(chosen: argparse.Namespace) -> None:
    from sjft.prediction_command import predict_to  # noqa: PLC0415

    predict_to(sys.stdout, chosen)


def _export(chosen: argparse.Namespace) -> str:
    from sjft.export import FORMATS, export_model  # noqa: PLC0415
    from sjft.published import load_published  # noqa: PLC0415

    output = chosen.output or chosen.model.with_suffix(FORMATS[chosen.format].suffix)
    if output.resolve() == chosen.model.resolve():
        raise UserError(f"--output {output}: is the model itself. Name another file.")
    return str(export_model(load_published(chosen.model), chosen.format, output))


def _fuse(chosen: argparse.Namespace) -> str:
    from sjft.fusion import fuse_folders  # noqa: PLC0415

    return fuse_folders(chosen.runs, chosen.output)


def _plan(chosen: argparse.Namespace) -> str:
    from sjft.checks.first_look import look_at_plan  # noqa: PLC0415
    from sjft.plan import plan, read_plan_configuration  # noqa: PLC0415

    configuration = read_plan_configuration(chosen.configfile, chosen.data_root)
    if experiment := configuration.experiments.get(chosen.experiment):
        given = [experiment.target] if chosen.target_images is not None else []
        given += experiment.sources if chosen.source_images else []
        look = look_at_plan(configuration, chosen.experiment, given, Path(".snakemake"))
        if look.warns:
            print(f"sjft: {look.warns}", file=sys.stderr)
        if look.stops:
            raise UserError(look.stops)
    return plan(
        configuration,
        chosen.experiment,
        target_images=chosen.target_images,
        heldout_images=chosen.heldout_images,
        source_images=chosen.source_images,
        sample=chosen.sample,
    )


COMMANDS = {
    "inspect": _inspect,
    "summary": _summary,
    "plan": _plan,
    "predict": _predict,
    "export": _export,
    "fuse": _fuse,
}
