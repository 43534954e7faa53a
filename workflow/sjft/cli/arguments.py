"""What may stand on the command line where a number or a path is asked for; argparse's types."""

import argparse
import os
from pathlib import Path

from sjft.settings.plain_values import LONGEST_NAME
from sjft.settings.quoting import shown

LONGEST_PATH = 4095  # bytes, on Linux
MOST_FIGURES = 18  # of a number that 64 bits hold


def count(text: str, least: int = 1) -> int:
    """A whole number of at least ``least``, in ASCII's figures."""
    is_number = text.isascii() and text.isdigit() and len(text) <= MOST_FIGURES
    if not is_number or int(text) < least:
        raise argparse.ArgumentTypeError(f"{shown(text)} is no whole number of at least {least}")
    return int(text)


def number_between(text: str, least: float, most: float, what: str) -> float:
    """A number of ``what`` (minutes, say)."""
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is no number of {what} from {least:.0f} to {most:.0f}"
        )
    return number


def path(text: str) -> Path:
    """A path that a file system can have; whether there is something is for the commands to say."""
    data = os.fsencode(text)
    if b"\0" in data or max(map(len, data.split(b"/"))) > LONGEST_NAME or len(data) > LONGEST_PATH:
        raise argparse.ArgumentTypeError(
            f"{shown(text)} is no path: a name has {LONGEST_NAME} bytes at most, all of it "
            f"{LONGEST_PATH}, and none is NUL"
        )
    return Path(text)


def add_experiment(command: argparse.ArgumentParser) -> None:
    """The arguments that name an experiment; see `take_experiment`."""
    command.add_argument("experiment", nargs="?", help="its name in the configuration")
    command.add_argument(
        "--configfile", type=path, nargs="+", default=[], metavar="FILE", help="as for snakemake"
    )


def take_experiment(command: argparse.ArgumentParser, chosen: argparse.Namespace) -> None:
    """Take the experiment from behind the files, which take all names that follow them.

    Ends the program, as the parser does, where there is none.
    """
    if chosen.experiment is None:
        files = chosen.configfile
        if len(files) < 2 or files[-1].suffix != "":
            command.error("the following arguments are required: experiment")
        chosen.experiment = str(files.pop())
