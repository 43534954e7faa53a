"""The command `sjft`: look into the pipeline's files from a terminal."""

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
    chosen = parser.parse_args(arguments)
    try:
        print(_inspect(chosen) if chosen.command == "inspect" else _summary(chosen))
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
