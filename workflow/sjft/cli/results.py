"""`sjft results`: all experiments beside each other, from their summaries."""

import argparse
from pathlib import Path

from sjft.cli.arguments import path
from sjft.layout import RESULTS


def add_results(results: argparse.ArgumentParser) -> None:
    """The command's arguments."""
    results.add_argument(
        "folder", type=path, nargs="?", default=Path(RESULTS), help=f"{RESULTS}, where not given"
    )
    form = results.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="a list in JSON instead of a table")
    form.add_argument("--csv", action="store_true", help="CSV with a head, an experiment a row")


def results(chosen: argparse.Namespace) -> str:
    """The table; raises `UserError` where there is no experiment."""
    from sjft.reports.results_table import (  # noqa: PLC0415
        all_results,
        as_csv,
        as_json,
        as_table,
    )

    found = all_results(chosen.folder)
    if chosen.json:
        return as_json(found)
    return as_csv(found) if chosen.csv else as_table(found)
