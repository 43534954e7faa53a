"""The command `sjft`: look into the pipeline's files, and use its models, from a terminal."""

import argparse
import io
import os
import sys
from collections.abc import Sequence

from sjft import __version__
from sjft.cli.arguments import add_experiment, path, take_experiment
from sjft.cli.cost import cost
from sjft.cli.example import add_example, example
from sjft.cli.init.command import add_init, init
from sjft.cli.inspection import add_inspect, inspect
from sjft.cli.neighbours import add_neighbours, neighbours
from sjft.cli.plan import add_plan, complete_plan, plan
from sjft.cli.results import add_results, results
from sjft.cli.scoring_arguments import add_evaluate, add_predict
from sjft.errors import UserError
from sjft.loading import loading
from sjft.wording import harmless

INTERRUPTED = 130  # as shells have it


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it went well, 1 with one line on stderr for a user's error."""
    parser = argparse.ArgumentParser(prog="sjft", description=__doc__)
    parser.add_argument("--version", action="version", version=f"sjft {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    add_inspect(commands.add_parser("inspect", help="say what a file is, and whether it is sane"))
    accept = commands.add_parser(
        "accept", help="take tables and records that you edited, or copied alone, as they are"
    )
    accept.add_argument("files", type=path, nargs="+", help="for example .../round-0/subset.csv")
    summary = commands.add_parser("summary", help="show an experiment's summary as a table")
    summary.add_argument("file", type=path, help="for example results/demo/summary.json")
    add_results(commands.add_parser("results", help="show all experiments beside each other"))
    add_predict(commands.add_parser("predict", help="classify images with a published model"))
    add_evaluate(commands.add_parser("evaluate", help="say how good a model is on labelled images"))
    _add_export(commands.add_parser("export", help="write a published model in another format"))
    fuse = commands.add_parser("fuse", help="average the class probabilities of several runs")
    fuse.add_argument(
        "runs", type=path, nargs="+", help="for example results/demo/runs/selective-0"
    )
    fuse.add_argument("--output", type=path, metavar="FOLDER", help="write the fused run there")
    planned = commands.add_parser("plan", help="say what an experiment will cost, before the run")
    add_plan(planned)
    spent = commands.add_parser("cost", help="say what an experiment has cost, after a run")
    add_experiment(spent)
    add_neighbours(
        commands.add_parser("neighbours", help="show the source images nearest to a target image")
    )
    add_init(commands.add_parser("init", help="write a configuration for your own folders"))
    add_example(commands.add_parser("example", help="make images to try `sjft init` with"))
    chosen, rest = parser.parse_known_args(arguments)
    _take_rest(parser, chosen, rest)
    if chosen.command == "plan":
        complete_plan(planned, chosen)
    elif chosen.command == "cost":
        take_experiment(spent, chosen)
    if sys.stdout is None:  # closed, as by `>&-`
        print("sjft: there is nowhere to print to: the standard output is closed", file=sys.stderr)
        return 1
    # Names of files and classes need not be of the terminal's letters.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if (text := COMMANDS[chosen.command](chosen)) is not None:
            print(harmless(text), flush=True)
    except UserError as error:
        print(f"sjft: {harmless(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interruption:
        print(" ".join(["sjft: interrupted", *map(str, interruption.args)]), file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # who reads, `head` say, has seen enough: Python would flush again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if not _is_for_want_of_room(error):
            if error.filename is None:
                raise
            print(harmless(f"sjft: {error.filename}: {error.strerror}"), file=sys.stderr)
            return 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


def _is_for_want_of_room(error: OSError) -> bool:
    """Say so where a disk is full: where what is printed goes to, or the temporary files."""
    from sjft.storage.files import NO_ROOM, cannot_be_written  # noqa: PLC0415

    if error.errno not in NO_ROOM:
        return False
    place = error.filename or "what is printed"
    print(f"sjft: {cannot_be_written(place, error.strerror)}", file=sys.stderr)
    return True


def _add_export(export: argparse.ArgumentParser) -> None:
    export.add_argument("model", type=path, help="for example results/demo/model.pt")
    export.add_argument("--format", required=True, choices=("onnx", "torchscript", "safetensors"))
    export.add_argument(
        "--output", type=path, metavar="FILE", help="beside the model where not given"
    )


def _take_rest(
    parser: argparse.ArgumentParser, chosen: argparse.Namespace, rest: Sequence[str]
) -> None:
    """Names that stand behind an option belong to those before it; all else is refused."""
    names = {"fuse": "runs", "predict": "images"}.get(chosen.command)
    if rest and (names is None or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if names is None:
        return
    try:
        getattr(chosen, names).extend([path(word) for word in rest])
    except argparse.ArgumentTypeError as error:
        parser.error(str(error))


def _accept(chosen: argparse.Namespace) -> str:
    from sjft.cli.inspection_kinds import require_sane_table  # noqa: PLC0415
    from sjft.storage.acceptance import accept_as_it_is  # noqa: PLC0415

    accepted = []
    try:
        for file in chosen.files:
            accepted.append(accept_as_it_is(file, require_sane_table))
    except UserError:
        if accepted:  # those before it are
            print("\n".join(accepted), flush=True)
        raise
    return "\n".join(accepted)


def _summary(chosen: argparse.Namespace) -> str:
    from sjft.reports.conclusion import opening  # noqa: PLC0415
    from sjft.reports.summary import read_summary  # noqa: PLC0415

    summary = read_summary(chosen.file)
    return f"{opening(summary)}\n\n{summary['table']}"


def _predict(chosen: argparse.Namespace) -> None:
    with loading():
        from sjft.cli.predict import predict_to  # noqa: PLC0415

    predict_to(sys.stdout, chosen)


def _evaluate(chosen: argparse.Namespace) -> None:
    with loading():
        from sjft.cli.evaluate import evaluate_folder  # noqa: PLC0415

    evaluate_folder(chosen)


def _export(chosen: argparse.Namespace) -> str:
    with loading():
        from sjft.model.export import FORMATS, export_model  # noqa: PLC0415
        from sjft.model.file import load_published  # noqa: PLC0415

    model = load_published(chosen.model)
    output = chosen.output or chosen.model.with_suffix(FORMATS[chosen.format].suffix)
    if output.resolve() == chosen.model.resolve():
        raise UserError(f"--output {output}: is the model itself. Name another file.")
    return str(export_model(model, chosen.format, output))


def _fuse(chosen: argparse.Namespace) -> str:
    from sjft.evaluation.fusion import fuse_folders  # noqa: PLC0415

    return fuse_folders(chosen.runs, chosen.output)


COMMANDS = {
    "inspect": inspect,
    "accept": _accept,
    "summary": _summary,
    "results": results,
    "plan": plan,
    "cost": cost,
    "neighbours": neighbours,
    "init": init,
    "example": example,
    "predict": _predict,
    "evaluate": _evaluate,
    "export": _export,
    "fuse": _fuse,
}
