"""The names of the images that a file knows by number, from the lists where rules put them.

Files hold numbers, since a number is a row of a list: of images.csv, or of the part and shard of it
that the file is about. Where the file was moved, the lists are given by hand.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from sjft import layout
from sjft.data.table import PARTS, numbers_in_shards, of_shard, read_images
from sjft.retrieval.histograms import read_histograms, rows_of_shards
from sjft.storage.inspection import Names

HINT = (
    "Give the data set's list: `--images results/datasets/DATASET/images.csv`, for lists of "
    "neighbours the target's first and then the sources'."
)


def names_for(file: Path, given: Sequence[Path]) -> Names:
    """The names of a file's images, as far as they can be told.

    ``given`` are lists of images, instead of those that lie where the rules put them. Raises
    `UserError` for a list that is damaged.
    """
    if given:
        tables = [read_images(path) for path in given]
        return Names(_of_given(file, tables[0]), _paths(tables[1:]), HINT)
    path = file.resolve().as_posix()
    made_by = layout.job_of(path)
    if made_by is None or made_by.rule not in _FIND:
        return Names(hint=HINT)
    return _FIND[made_by.rule](Path(path[: path.rindex(f"/{layout.RESULTS}/")]), made_by.names)


def _of_given(file: Path, table: pl.DataFrame) -> list[str]:
    """Of the part and shard that the file's own name tells, where it does."""
    if file.parent.name in PARTS and file.stem.isdigit():
        return of_shard(table, file.parent.name, int(file.stem))["path"].to_list()
    return table["path"].to_list()


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
    return _of_lists(root, of["target"], of["sources"].split(layout.SEPARATOR))


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
