"""The command `sjft example FOLDER`: made images, as anyone might have them, to try things with.

They are those of two `synthetic` data sets of the configuration, the demo's where no others are
named: the target's as ready splits, with as many images to choose an arm by as to test it, the
source's as plain class folders.
"""

import argparse
from pathlib import Path

from sjft.cli.arguments import path
from sjft.errors import UserError
from sjft.settings.dataset import Synthetic
from sjft.wording import counted

TARGET, SOURCE = "demo_target", "demo_source"


def add_example(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("folder", type=path, help="gets a folder `target` and a folder `source`")
    parser.add_argument(
        "--share",
        type=_share,
        default=1.0,
        metavar="S",
        help="of the images, above 0 to 1: fewer are made in less time (1)",
    )
    parser.add_argument("--target", default=TARGET, metavar="DATASET", help=f"({TARGET})")
    parser.add_argument("--source", default=SOURCE, metavar="DATASET", help=f"({SOURCE})")


def example(chosen: argparse.Namespace) -> str:
    """Write the images; returns where, how many, and what to do next.

    Raises `UserError` for data sets that are not `synthetic` or cannot be made, and for a folder
    that is not empty.
    """
    from sjft.pipeline.forecast import read_plan_configuration  # noqa: PLC0415  (loaded when it is needed)

    datasets = read_plan_configuration([], None).datasets
    folder: Path = chosen.folder
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there already. Name a folder that is empty or not there.")
    wanted = {}
    for role, name in (("target", chosen.target), ("source", chosen.source)):
        settings = datasets.get(name)
        if not isinstance(settings, Synthetic):
            raise UserError(f"--{role} {name}: is no data set of the reader `synthetic`.")
        if not settings.per_class.get("train"):
            raise UserError(f"--{role} {name}: datasets.{name}.per_class has no training image.")
        wanted[role] = name, settings
    return "\n".join(_made(role, *each, folder, chosen.share) for role, each in wanted.items())


def _made(role: str, name: str, settings: Synthetic, folder: Path, share: float) -> str:
    """Write the images of one data set below ``folder``; returns a line about them."""
    from sjft.data.synthetic import generate  # noqa: PLC0415  (loaded when it is needed)

    numbers: dict[str, int] = {
        split: max(1, round(n * share)) for split, n in settings.per_class.items() if n
    }
    if role == "target" and "test" in numbers:  # an arm is chosen by images of their own
        numbers = {"train": numbers["train"], "val": numbers["test"]} | numbers
    try:
        written = generate(
            folder / role,
            contents=settings.contents,
            styles=settings.styles,
            per_class=numbers,
            size=settings.size,
            quality=settings.quality,
            seed=settings.seed,
        )
    except ValueError as error:  # before anything is written
        raise UserError(f"--{role} {name}: datasets.{name}: {error}.") from None
    splits = ", ".join(f"{split}/" for split in numbers)
    classes = ", ".join(settings.contents)
    return f"{folder / role}: {counted(written, 'image')} in {splits}, classes {classes}"


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0, up to 1")
    return number
