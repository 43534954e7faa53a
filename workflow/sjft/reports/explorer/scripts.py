"""The page's data as scripts, since a page that is opened as a file may load nothing else.

Each calls `Explorer.receive(name, content)`; what is large is cut, and loaded when it is looked at.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sjft.reports.explorer.comparison import ChannelsOfPairs, Comparison
from sjft.reports.explorer.source_ids import SourceIds
from sjft.storage.files import write_text

TARGETS_A_SCRIPT = 20
SOURCES_A_SCRIPT = 200


def write_script(folder: Path, name: str, content: Any) -> None:
    """Write ``data/{name}.js``; what is no ASCII is escaped, whatever names there are."""
    text = json.dumps(content, separators=(",", ":"))
    write_text(folder / "data" / f"{name}.js", f'Explorer.receive("{name}",{text});\n')


def rounded(values: NDArray[Any]) -> Any:
    """Numbers with four figures, as nested lists."""
    if values.ndim > 1:
        return [rounded(row) for row in values]
    return [float(f"{value:.4g}") for value in values.tolist()]


def write_targets(
    folder: Path, comparisons: Sequence[Comparison], ids: SourceIds, targets: int
) -> None:
    """Each target image's lists, by way of retrieval, so many images a script."""
    of_lists = {c.name: (ids.of(c.sources), ids.of(c.random)) for c in comparisons}
    for number, first in enumerate(range(0, targets, TARGETS_A_SCRIPT)):
        some = slice(first, first + TARGETS_A_SCRIPT)
        content = {c.name: _of_targets(c, *of_lists[c.name], some) for c in comparisons}
        write_script(folder, f"targets-{number:04d}", content)


def _of_targets(
    comparison: Comparison,
    sources: NDArray[np.intp],
    random: NDArray[np.intp],
    some: slice,
) -> dict[str, Any]:
    return {
        "sources": sources[some].tolist(),
        "divergences": rounded(comparison.divergences[some]),
        "random": random[some].tolist(),
        "randomDivergences": rounded(comparison.random_divergences[some]),
        "usualByLayer": rounded(comparison.usual_by_layer[some]),
        "byLayer": rounded(comparison.by_layer[some]),
        "near": _channels(comparison.near, some),
        "apart": _channels(comparison.apart, some),
    }


def _channels(pairs: ChannelsOfPairs, some: slice) -> list[list[list[tuple[int, float, float]]]]:
    """For each target and place, (channel, its term, its usual term) of the named channels."""
    columns = (pairs.channel[some].tolist(), rounded(pairs.term[some]), rounded(pairs.usual[some]))
    return [
        [list(zip(*pair, strict=True)) for pair in zip(*target, strict=True)]
        for target in zip(*columns, strict=True)
    ]


def write_borrowers(folder: Path, comparisons: Sequence[Comparison], ids: SourceIds) -> None:
    """Of each source image, who has it in its list and at which rank, so many a script."""
    of_retrieval = {c.name: _borrowers(ids.of(c.sources), len(ids.numbers)) for c in comparisons}
    for number, first in enumerate(range(0, len(ids.numbers), SOURCES_A_SCRIPT)):
        some = range(first, min(first + SOURCES_A_SCRIPT, len(ids.numbers)))
        content = {name: [of(i) for i in some] for name, of in of_retrieval.items()}
        write_script(folder, f"borrowers-{number:04d}", content)


def _borrowers(lists: NDArray[np.intp], named: int) -> Callable[[int], list[int]]:
    """What gives of an id: target, rank, target, rank ...; the nearest first."""
    order = np.argsort(lists.T, axis=None, kind="stable")  # equal ids stay in the order of ranks
    begins = np.searchsorted(lists.T.ravel()[order], np.arange(named + 1))

    def of(source: int) -> list[int]:
        ranks, targets = np.divmod(order[begins[source] : begins[source + 1]], len(lists))
        return np.stack([targets, ranks + 1], axis=1).ravel().tolist()

    return of


def numbered(names: Sequence[str]) -> tuple[list[str], list[int]]:
    """Each name once, in the order of the alphabet, and which of them each is."""
    once = sorted(set(names))
    place = {name: number for number, name in enumerate(once)}
    return once, [place[name] for name in names]


def by_keys(table: pl.DataFrame, *keys: str) -> list[list[Any]]:
    """A table's rows as lists of the values under ``keys``."""
    return [list(row) for row in table.select(keys).iter_rows()]
