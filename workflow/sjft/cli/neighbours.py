"""The command `sjft neighbours`: the nearest source images of one target image."""

import argparse
import json
import os
import sys
import tempfile
import webbrowser
from functools import partial
from pathlib import Path

from sjft import layout
from sjft.cli.arguments import count, path


def add_neighbours(parser: argparse.ArgumentParser) -> None:
    """What may be asked."""
    parser.add_argument("experiment", help="its name in the configuration")
    parser.add_argument(
        "image", help="a training image of the target: its path, or a part that no other has"
    )
    parser.add_argument("--arm", help="whose neighbours (the published arm's)")
    whole = partial(count, least=0)
    parser.add_argument("--seed", type=whole, metavar="N", help="of the run (the published one's)")
    parser.add_argument("--round", type=whole, metavar="N", help="from 0 (the last)")
    parser.add_argument("--number", type=count, default=20, metavar="N", help="neighbours (20)")
    parser.add_argument("--json", action="store_true", help="in JSON instead of a table")
    parser.add_argument("--output", type=path, metavar="FILE", help="write a page of images")
    parser.add_argument("--open", action="store_true", help="open such a page in a browser")
    parser.add_argument(
        "--configfile", type=path, nargs="+", default=[], metavar="FILE", help="as for snakemake"
    )
    parser.add_argument("--data-root", metavar="FOLDER", help="where the data sets lie")


def neighbours(chosen: argparse.Namespace) -> str:
    """The table, or JSON, of what was asked; and a page of images, where it was asked for."""
    from sjft.pipeline.explorer_files import (  # noqa: PLC0415  (each command loads its own needs)
        image_folders,
        inputs_of_run,
    )
    from sjft.pipeline.forecast import read_plan_configuration  # noqa: PLC0415
    from sjft.reports.neighbour_list import list_neighbours, page_of  # noqa: PLC0415
    from sjft.storage.files import write_text  # noqa: PLC0415

    configuration = read_plan_configuration(chosen.configfile, chosen.data_root)
    inputs = inputs_of_run(configuration, chosen.experiment, chosen.arm, chosen.seed, chosen.round)
    listed = list_neighbours(inputs, inputs.rounds[0], chosen.image, chosen.number)
    text = json.dumps(listed.values(), indent=2) if chosen.json else listed.text()
    if chosen.output is None and not chosen.open:
        return text
    page = chosen.output or Path(tempfile.mkdtemp(prefix="sjft-")) / "neighbours.html"
    explorer = Path(layout.EXPLORER.of(experiment=chosen.experiment))
    write_text(page, page_of(listed, image_folders(configuration, chosen.experiment), explorer))
    said = f"Written: {page}"
    if chosen.open and not _opened(page):
        said = f"No browser could be started. Open the page yourself: {page}"
    if chosen.json:  # which a program reads
        print(said, file=sys.stderr)
        return text
    return f"{text}\n\n{said}"


def _opened(page: Path) -> bool:
    """Open a page; False where there is no browser, or no screen for images."""
    has_screen = sys.platform in {"darwin", "win32"} or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")
    )
    # Without a screen Python would start one that shows text in the terminal.
    return has_screen and webbrowser.open(page.resolve().as_uri())
