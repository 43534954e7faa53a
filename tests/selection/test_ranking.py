"""The ranking of several sources, from files to a file."""

from pathlib import Path

import numpy as np
import polars as pl
from small import images_table, random_neighbours

from sjft.data.table import write_images
from sjft.leakage.table import LEAKAGE_SCHEMA, write_leakage
from sjft.retrieval.neighbours import read_neighbours, write_neighbours
from sjft.retrieval.ranking import rank
from sjft.selection.ranking import SourceFiles, rank_sources
from sjft.storage.files import digest_of_file
from sjft.storage.hdf5 import config_of, inputs_of, open_hdf5

SIZES = {"store": 5, "web": 7}
DECIDED_BY = {"neighbours_on_file": 6, "epsilon": 1e-4}


def written(folder: Path, leaks: dict[str, list[str]] | None) -> dict[str, SourceFiles]:
    """Sources with an image each that leaks, where those are looked for."""
    files = {}
    for name, size in SIZES.items():
        where = folder / name
        files[name] = SourceFiles(
            where / "images.csv",
            where / "neighbours.h5",
            None if leaks is None else where / "leakage.csv",
        )
        write_images(files[name].images, images_table([0] * size))
        write_neighbours(files[name].neighbours, random_neighbours(size, 3, size, size), {}, {})
        if leaks is not None:
            found = pl.DataFrame({"source_path": leaks[name]}, schema={"source_path": pl.String})
            columns = [pl.lit(None, kind).alias(n) for n, kind in LEAKAGE_SCHEMA.items()]
            other = [column for column in columns if column.meta.output_name() != "source_path"]
            table = found.with_columns(other).select(list(LEAKAGE_SCHEMA))
            write_leakage(where / "leakage.csv", table)
    return files


def test_what_leaks_is_passed_over_and_counted_in_the_file(tmp_path: Path) -> None:
    leaks = {"store": ["a/0.png"], "web": []}
    files, output = written(tmp_path, leaks), tmp_path / "ranking.h5"
    rank_sources(files, DECIDED_BY, output)
    found = read_neighbours(output)
    lists = {name: read_neighbours(of.neighbours) for name, of in files.items()}
    tables = {name: images_table([0] * size) for name, size in SIZES.items()}
    wanted = rank(lists, tables, leaks, 6)
    assert np.array_equal(found.sources, wanted.sources)
    assert np.array_equal(found.divergences, wanted.divergences)
    assert 0 not in found.sources
    with open_hdf5(output, kind="sjft-neighbours", version=1) as file:
        assert config_of(file) == {**DECIDED_BY, "without_leakage": True}
        assert file["source_name"].asstr()[:].tolist() == list(SIZES)
        assert file["first_image"][:].tolist() == [0, 5]
        read = [p for of in files.values() for p in (of.neighbours, of.leakage) if p]
        assert inputs_of(file) == {str(path): digest_of_file(path) for path in read}


def test_what_leaks_stays_where_it_is_not_looked_for(tmp_path: Path) -> None:
    output = tmp_path / "ranking.h5"
    rank_sources(written(tmp_path, None), {**DECIDED_BY, "neighbours_on_file": 12}, output)
    assert {0, 5} <= set(read_neighbours(output).sources[0].tolist())
    with open_hdf5(output, kind="sjft-neighbours", version=1) as file:
        assert config_of(file)["without_leakage"] is False
