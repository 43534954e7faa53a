"""The names of the images that a file knows by number, from the lists where rules put them.

Files hold numbers, since a number is a row of a list: of images.csv, or of the part and shard of it
that the file is about. Where the file was moved, the lists are given by hand.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from sjft.data.table import PARTS, numbers_in_shards, of_shard, read_images
from sjft.layout import SEPARATOR
from sjft.retrieval.histograms import read_histograms, rows_of_shards
from sjft.storage.inspection import Names

HINT = (
    "Give the data set's list: `--images results/datasets/DATASET/images.csv`, for lists of "
    "neighbours the target's first and then the sources'."
)
_OF_SHARD = rf"(?P<part>{'|'.join(PARTS)})/(?P<shard>\d{{4}})\.h5"
_PAIRING = r"retrieval/(?P<retrieval>[^/]+)/(?P<target>[^/]+)"
# A shard's own list, a pairing's lists, and what one shard of a source was searched for.
SHARD_FILES = (
    rf"descriptors/[^/]+/(?P<dataset>[^/]+)/{_OF_SHARD}",
    rf"datasets/(?P<dataset>[^/]+)/hashes/{_OF_SHARD}",
    rf"{_PAIRING}/(?P<dataset>[^/]+)/histograms/{_OF_SHARD}",
)
INDEX = rf"{_PAIRING}/(?P<dataset>[^/]+)/index/(?P<shard>\d{{4}})\.(ann|json)"
LISTS = rf"{_PAIRING}/(?P<sources>[^/]+)/(neighbours|ranking)\.h5"
LISTS_OF_SHARD = (
    rf"{_PAIRING}/(?P<dataset>[^/]+)/(?P<what>neighbours|leakage)/(?P<shard>\d{{4}})\.h5"
)


def names_for(file: Path, given: Sequence[Path]) -> Names:
    """The names of a file's images, as far as they can be told.

    ``given`` are lists of images, instead of those that lie where the rules put them. Raises
    `UserError` for a list that is damaged.
    """
    if given:
        tables = [read_images(path) for path in given]
        return Names(_of_given(file, tables[0]), _paths(tables[1:]), HINT)
    for kind, find in (
        *((kind, _of_shard_file) for kind in SHARD_FILES),
        (INDEX, _of_index),
        (LISTS, _of_lists),
        (LISTS_OF_SHARD, _of_shard_lists),
    ):
        if place := re.fullmatch(rf"(?P<root>.*)/{kind}", file.resolve().as_posix()):
            return find(place)
    return Names(hint=HINT)


def _of_given(file: Path, table: pl.DataFrame) -> list[str]:
    """Of the part and shard that the file's own name tells, where it does."""
    if file.parent.name in PARTS and file.stem.isdigit():
        return of_shard(table, file.parent.name, int(file.stem))["path"].to_list()
    return table["path"].to_list()


def _paths(tables: Sequence[pl.DataFrame]) -> list[str] | None:
    return [path for table in tables for path in table["path"]] or None


def _listed(place: re.Match[str], dataset: str) -> pl.DataFrame | None:
    path = Path(place["root"], "datasets", dataset, "images.csv")
    return read_images(path) if path.is_file() else None


def _of_shard_file(place: re.Match[str]) -> Names:
    table = _listed(place, place["dataset"])
    if table is None:
        return Names(hint=HINT)
    return Names(of_shard(table, place["part"], int(place["shard"]))["path"].to_list(), hint=HINT)


def _of_index(place: re.Match[str]) -> Names:
    """Items are the rows of the shard's histograms, which stand beside the index's folder."""
    table = _listed(place, place["dataset"])
    folder = Path(place.string).parents[1]
    histograms = folder / "histograms" / "train" / f"{place['shard']}.h5"
    if table is None or not histograms.is_file():
        return Names(hint=HINT)
    paths = of_shard(table, "train", int(place["shard"]))["path"].to_list()
    return Names([paths[number] for number in read_histograms(histograms).images], hint=HINT)


def _of_lists(place: re.Match[str]) -> Names:
    target = _listed(place, place["target"])
    sources = [_listed(place, name) for name in place["sources"].split(SEPARATOR)]
    known = [table for table in sources if table is not None]
    return Names(
        None if target is None else target["path"].to_list(),
        _paths(known) if len(known) == len(sources) else None,
        HINT,
    )


def _of_shard_lists(place: re.Match[str]) -> Names:
    """Target images are numbered in the order of all their histograms, sources in their shard's."""
    part = "train" if place["what"] == "neighbours" else "heldout"
    target, source = _listed(place, place["target"]), _listed(place, place["dataset"])
    pairing = Path(place.string).parents[2]
    shards = sorted((pairing / place["target"] / "histograms" / part).glob("*.h5"))
    images = sources = None
    if target is not None and shards:
        rows = rows_of_shards(shards, numbers_in_shards(target, part, len(shards)))
        images = target["path"].gather(np.asarray(rows)).to_list()
    if source is not None:
        sources = of_shard(source, "train", int(place["shard"]))["path"].to_list()
    return Names(images, sources, HINT)
