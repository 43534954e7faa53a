"""What all benchmarks share: their command line, their tables, and the files that they write.

Each script takes --output FILE, --data DATA and --quick. FILE becomes Markdown, and FILE with the
suffix .json an object; of this, every number whose name has a ` / ` in it is a ratio, which
`run_all.py` gathers.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sjft.storage import markdown
from sjft.storage.files import write_json, write_text

Row = dict[str, Any]
# Read by the libraries when they are loaded: processes that are started with it compute alike.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


def parser_of(script: str | None) -> argparse.ArgumentParser:
    """The arguments of all scripts; ``script`` is the docstring of one."""
    parser = argparse.ArgumentParser(
        description=script, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, required=True, help="Markdown file to write")
    parser.add_argument("--data", type=Path, help="folder of photographs; else images are made")
    parser.add_argument("--quick", action="store_true", help="check results, on little; not times")
    return parser


def table(rows: Sequence[Row]) -> str:
    """A Markdown table; all rows have the first one's columns."""
    if not rows:
        return "(not installed)\n"
    return "\n".join(markdown.table([list(rows[0]), *(list(row.values()) for row in rows)])) + "\n"


def tables(found: dict[str, list[Row]]) -> str:
    """Several tables with their headings."""
    return "\n".join(f"### {heading}\n\n{table(rows)}" for heading, rows in found.items())


def write_results(output: Path, text: str, found: dict[str, Any]) -> None:
    """Write both files, and print the text."""
    write_text(output, text)
    write_json(output.with_suffix(".json"), found)
    print(text)


def in_turns(
    ways: dict[str, Callable[[], object]],
    rounds: int,
    clock: Callable[[], float],
) -> dict[str, list[float]]:
    """Seconds of each way by ``clock``, round by round.

    Every round runs each way once, so that a busy machine slows all alike; a first round, which
    loads and compiles, is not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            started = clock()
            way()
            if turn:
                seconds[name].append(clock() - started)
    return seconds
