"""The names of the images that a file knows by number, from the lists where rules put them.

Files hold numbers, since a number is a row of a list: of images.csv, or of the part and shard of it
that the file is about. Where the file was moved, the lists are given by hand, and its content
says what it is about: its name says nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from sjft import layout
from sjft.data.state import state_of
from sjft.data.table import numbers_in_shards, of_shard, read_images
from sjft.pipeline.runs import sources_named
from sjft.retrieval.histograms import read_histograms, rows_of_shards
from sjft.storage.hdf5 import inputs_of, open_sealed
from sjft.storage.inspection import Names

HINT = (
    "Give the data set's list: `--images results/datasets/DATASET/images.csv`, for lists of "
    "neighbours the target's first and then the sources'."
)
IN_PLACE = ": name the file where the rules have put it, below results/, without `--images`."


def names_for(file: Path, kind: str, given: Sequence[Path]) -> Names:
    """The names of a file's images, as far as they can be told.

    ``kind`` is what the file is, as `Inspection` calls it. ``given`` are lists of images, instead
    of those that lie where the rules put them. Raises `UserError` for a list that is damaged.
    """
    if given:
        tables = [read_images(path) for path in given]
        return _OF_GIVEN.get(kind, _of_whole_lists)(file, tables)
    path = file.resolve().as_posix()
    made_by = layout.job_of(path)
    if made_by is None or made_by.rule not in _FIND:
        return Names(hint=HINT)
    return _FIND[made_by.rule](Path(path[: path.rindex(f"/{layout.RESULTS}/")]), made_by.names)


##### by lists that are given: what the file is about is told by its content alone #####


def _of_whole_lists(file: Path, tables: Sequence[pl.DataFrame]) -> Names:
    return Names(tables[0]["path"].to_list(), _paths(tables[1:]), HINT)


def _of_stated_shard(file: Path, tables: Sequence[pl.DataFrame]) -> Names:
    """By the state of its images, a file finds its part and shard in the list."""
    table = tables[0]
    with open_sealed(file) as opened:
        stated = inputs_of(opened).get("images")
    shards = 1 + max(table["shard"], default=0)
    for part, states in state_of(table, shards).content.items():
        if stated in states:
            return Names(of_shard(table, part, states.index(stated))["path"].to_list(), hint=HINT)
    told = "It was made from other images than any part and shard of this list has"
    return Names(hint=f"{told}{IN_PLACE}")


def _of_lists_or_a_shards(file: Path, tables: Sequence[pl.DataFrame]) -> Names:
    """The lists of a whole source are by rows of both lists; a shard's are by rows of others."""
    with open_sealed(file) as opened:
        of_shard_alone = "sources" in inputs_of(opened)
    return _unsaid(file, tables) if of_shard_alone else _of_whole_lists(file, tables)


def _unsaid(file: Path, tables: Sequence[pl.DataFrame]) -> Names:
    return Names(hint=f"It does not say which part and shard of a list it is about{IN_PLACE}")


_OF_GIVEN: dict[str, Callable[[Path, Sequence[pl.DataFrame]], Names]] = {
    "descriptors": _of_stated_shard,
    "hashes": _of_stated_shard,
    "histograms": _unsaid,
    "index": _unsaid,
    "neighbours": _of_lists_or_a_shards,
}


##### by lists that lie where the rules put them #####


def _paths(tables: Sequence[pl.DataFrame]) -> list[str] | None:
    return [path for table in tables for path in table["path"]] or None


def _listed(root: Path, dataset: str) -> pl.DataFrame | None:
    path = root / layout.IMAGES.of(dataset=dataset)
    return read_images(path) if path.is_file() else None


def _of_shard_file(root: Path, of: Mapping[str, str]) -> Names:
    table = _listed(root, of["dataset"])
    if table is None:
        return Names(hint=HINT)
    return Names(of_shard(table, of["part"], int(of["shard"]))["path"].to_list(), hint=HINT)


def _of_index(root: Path, of: Mapping[str, str]) -> Names:
    """Items are the rows of the shard's histograms."""
    table = _listed(root, of["source"])
    histograms = root / layout.HISTOGRAMS.of(**of, dataset=of["source"], part="train")
    if table is None or not histograms.is_file():
        return Names(hint=HINT)
    paths = of_shard(table, "train", int(of["shard"]))["path"].to_list()
    return Names([paths[number] for number in read_histograms(histograms).images], hint=HINT)


def _of_neighbours(root: Path, of: Mapping[str, str]) -> Names:
    return _of_lists(root, of["target"], [of["source"]])


def _of_ranking(root: Path, of: Mapping[str, str]) -> Names:
    return _of_lists(root, of["target"], sources_named(of["sources"]))


def _of_lists(root: Path, target: str, sources: Sequence[str]) -> Names:
    images = _listed(root, target)
    known = [table for name in sources if (table := _listed(root, name)) is not None]
    return Names(
        None if images is None else images["path"].to_list(),
        _paths(known) if len(known) == len(sources) else None,
        HINT,
    )


def _of_searched_shard(root: Path, of: Mapping[str, str]) -> Names:
    return _of_shard_lists(root, of, "train")


def _of_leakage_in_shard(root: Path, of: Mapping[str, str]) -> Names:
    return _of_shard_lists(root, of, "heldout")


def _of_shard_lists(root: Path, of: Mapping[str, str], part: str) -> Names:
    """Target images are numbered in the order of all their histograms, sources in their shard's."""
    target, source = _listed(root, of["target"]), _listed(root, of["source"])
    first = layout.HISTOGRAMS.of(**{**of, "dataset": of["target"], "shard": "0000"}, part=part)
    shards = sorted((root / first).parent.glob("*.h5"))
    images = sources = None
    if target is not None and shards:
        rows = rows_of_shards(shards, numbers_in_shards(target, part, len(shards)))
        images = target["path"].gather(np.asarray(rows)).to_list()
    if source is not None:
        sources = of_shard(source, "train", int(of["shard"]))["path"].to_list()
    return Names(images, sources, HINT)


_FIND: dict[str, Callable[[Path, Mapping[str, str]], Names]] = {
    "extract_descriptors": _of_shard_file,
    "hash_images": _of_shard_file,
    "build_histograms": _of_shard_file,
    "build_index": _of_index,
    "merge_neighbours": _of_neighbours,
    "rank_sources": _of_ranking,
    "search_shard": _of_searched_shard,
    "find_leakage": _of_leakage_in_shard,
}
