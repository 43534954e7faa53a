"""The command `sjft init TARGET_FOLDER SOURCE_FOLDER`."""

import argparse

from sjft.cli.arguments import count, number_between, path
from sjft.cli.one_thread import measure_with_one_thread

MINUTES = 30


def add_init(init: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    init.add_argument(
        "target", type=path, metavar="TARGET_FOLDER", help="the images to learn, a folder a class"
    )
    init.add_argument(
        "source", type=path, metavar="SOURCE_FOLDER", help="a larger labelled set to borrow from"
    )
    init.add_argument("--name", help="of the experiment (made of the target folder's name)")
    init.add_argument(
        "--output", type=path, metavar="FILE", help="the configuration (config/NAME.yaml)"
    )
    init.add_argument("--force", action="store_true", help="replace the file if it is there")
    init.add_argument(
        "--minutes",
        type=_minutes,
        default=MINUTES,
        metavar="N",
        help=f"how long all may take on this machine ({MINUTES})",
    )
    init.add_argument(
        "--cores", type=count, metavar="N", help="how many may be used (all of this machine)"
    )
    init.add_argument("--network", metavar="NAME", help="torchvision's name of the network")
    init.add_argument(
        "--weights",
        default="auto",
        metavar="FILE",
        help="of the network: a file, `random`, `published` (downloaded where they are not here), "
        "`source` (learned from the source first), or `auto`: published ones that are here, else "
        "random on a CPU",
    )
    init.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where training runs"
    )


def init(chosen: argparse.Namespace) -> str:
    """Look, measure, write the file; returns what is shown."""
    measure_with_one_thread()
    from sjft.cli.init.proposal import Wishes, propose  # noqa: PLC0415  (loaded when it is needed)

    values = dict(vars(chosen))
    del values["command"]
    return propose(Wishes(**values))


def _minutes(text: str) -> float:
    return number_between(text, 1, 1e6, "minutes")
