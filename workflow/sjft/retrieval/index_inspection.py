"""An index and its record, looked into: do they belong together, and do items find themselves.

Of an index that is none of Annoy's the record alone is told.
"""

from pathlib import Path

import annoy
import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.retrieval.index.backend import IndexFiles
from sjft.retrieval.index.record import checked_facts, not_loaded
from sjft.storage.inspection import Inspection, Names, Plot, Values, histogram
from sjft.storage.sanity import Check, finite, none_of

SAMPLE = 200
NEAREST = 10


def inspect_index(path: Path) -> Inspection:
    """What an index holds; ``path`` is the index or its record.

    Raises `UserError` where one of both is missing, or they do not belong together.
    """
    files = IndexFiles(path.with_suffix(".ann"), path.with_suffix(".json"))
    facts = checked_facts(files, {})
    size = files.index.stat().st_size
    settings: Values = {name: facts[name] for name in ("trees", "seed") if name in facts}
    belongs = [
        Check("the index is the one that its record is about"),
        _same("the record's number of bytes", size, facts["bytes"]),
    ]
    sizes: Values = {name: facts[name] for name in ("items", "dimensions") if name in facts}
    sizes["seconds to build"] = facts.get("seconds")
    if "trees" not in facts:
        return Inspection(
            kind="index",
            what="An index over one shard's projected vectors, and its record.",
            settings=settings,
            inputs=facts["made_from"],
            sizes=sizes,
            checks=belongs,
        )
    index = _load(files.index, facts)
    sample = _sample(index)
    vectors = np.array([index.get_item_vector(item) for item in sample]).reshape(len(sample), -1)
    return Inspection(
        kind="index",
        what="An Annoy index over one shard's projected vectors, and its record: which images "
        "could be near.",
        settings=settings,
        inputs=facts["made_from"],
        sizes=sizes,
        checks=[
            *belongs,
            _same("the record's number of items", index.get_n_items(), facts["items"]),
            _same("the record's number of trees", _trees(index, facts), facts["trees"]),
            finite(f"vectors of {len(sample)} items", vectors, "item", "dimension"),
            none_of(f"{len(sample)} items find themselves", _lost(index, vectors), "item"),
        ],
        image=lambda wanted, names: _row(index, files.index, wanted, names),
        plot=lambda: _plot(index, sample),
    )


def _load(path: Path, facts: Values) -> annoy.AnnoyIndex:
    try:
        index = annoy.AnnoyIndex(facts["dimensions"], "euclidean")
        index.load(str(path))
    except (OSError, ValueError, TypeError) as error:
        raise not_loaded(path, error) from None
    return index


def _same(what: str, found: int, said: int) -> Check:
    return Check(f"{what} is right", None if found == said else f"it is {found}, not {said}")


def _trees(index: annoy.AnnoyIndex, facts: Values) -> int:
    """How many trees an index from a file has.

    Behind the trees stand copies of their roots, which Annoy takes for trees where a root is all
    that a tree has, as its items fit into one node: it then counts twice as many, or one less.
    """
    found: int = index.get_n_trees()
    single = index.get_n_items() <= facts["dimensions"] + 2
    return (found + 1) // 2 if single else found


def _sample(index: annoy.AnnoyIndex) -> list[int]:
    items = index.get_n_items()
    spread = np.linspace(0, items - 1, min(SAMPLE, items)) if items else np.empty(0)
    return [int(item) for item in np.unique(spread.astype(int))]


def _nearest(
    index: annoy.AnnoyIndex, vector: NDArray[np.float64], number: int
) -> tuple[list[int], list[float]]:
    """As wide as the index: an item on a tree's plane may stand on either side of it."""
    everything = 2 * index.get_n_items() * index.get_n_trees()
    found: tuple[list[int], list[float]] = index.get_nns_by_vector(
        vector, number, everything, include_distances=True
    )
    return found


def _lost(index: annoy.AnnoyIndex, vectors: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of the items find neither themselves nor one that is the same vector."""
    found = [_nearest(index, vector, 1)[1] for vector in vectors]
    return np.array([not distances or distances[0] != 0 for distances in found], bool)


def _row(index: annoy.AnnoyIndex, path: Path, wanted: str, names: Names) -> Values:
    number = names.number(wanted)
    if not 0 <= number < index.get_n_items():
        raise UserError(
            f"--image {wanted}: {path} has items 0 to {index.get_n_items() - 1}, in the order of "
            "the shard's histograms."
        )
    items, distances = _nearest(index, np.array(index.get_item_vector(number)), NEAREST + 1)
    return {
        "item": number,
        "path": names.of_image(number),
        "nearest items": [
            {"item": item, "path": names.of_image(item), "distance": distance}
            for item, distance in zip(items, distances, strict=True)
            if item != number
        ],
    }


def _plot(index: annoy.AnnoyIndex, sample: list[int]) -> Plot:
    nearest = []
    for item in sample:
        items, distances = _nearest(index, np.array(index.get_item_vector(item)), 2)
        nearest += [d for i, d in zip(items, distances, strict=True) if i != item][:1]
    return Plot(
        f"Distance of {len(sample)} items to the nearest other",
        histogram(np.array(nearest)),
        ("value", "distance"),
        ("number", "items"),
    )
