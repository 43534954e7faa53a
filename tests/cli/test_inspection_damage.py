"""`sjft inspect` on files that are wrong although their checksums hold: each fault is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import polars as pl
import pytest
from inspected import failing
from sealed import edited
from small import random_neighbours

from sjft.cli.main import main
from sjft.retrieval.neighbours import write_neighbours
from sjft.storage.files import read_json, write_json, write_table

Change = Callable[[h5py.File], Any]


def to(name: str, place: Any, value: Any) -> Change:
    """Put a value into a data set."""

    def change(file: h5py.File) -> None:
        file[name][place] = value

    return change


def swapped(name: str, axis: int = 0) -> Change:
    """The first two entries along an axis change places."""

    def change(file: h5py.File) -> None:
        values = file[name][:]
        order = [1, 0, *range(2, values.shape[axis])]
        file[name][...] = np.take(values, order, axis)

    return change


def times(name: str, factor: float) -> Change:
    def change(file: h5py.File) -> None:
        file[name][...] = file[name][:] * factor

    return change


def more(name: str, place: Any) -> Change:
    def change(file: h5py.File) -> None:
        file[name][place] = file[name][place] + 1

    return change


NAN = float("nan")
HDF5 = {
    "descriptors: order": ("descriptors", swapped("image"), "numbers of images ascend"),
    "descriptors: sums": ("descriptors", more("entry", 0), "counts sum to its responses"),
    "descriptors: grid": ("descriptors", to("large_step", 0, 999), "do not fit its grid"),
    "hashes: order": ("hashes", swapped("image"), "numbers of images ascend"),
    "hashes: NaN": ("hashes", to("detail", 1, NAN), "detail: no NaN"),
    "hashes: digest": ("hashes", to("digest", 0, b"x" * 32), "32 hexadecimal digits"),
    "bins: order": ("bins", swapped("edge_level", 1), "edges ascend from 0 to 37"),
    "bins: range": ("bins", to("edge_level", (0, 4), 36), "edges ascend from 0 to 37"),
    "bins: values": ("bins", to("edge_value", (0, 1), 9.0), "the values of their levels"),
    "bins: sums": ("bins", more("mass", (0, 0)), "the responses of as many images"),
    "bins: NaN": ("bins", to("weight", 0, NAN), "weights: no NaN"),
    "bins: sign": ("bins", to("weight", 0, -0.5), "no weight is negative"),
    "bins: weights": ("bins", times("weight", 2), "weights sum to 1: it is 2, not 1"),
    "histograms: sums": ("histograms", more("count", (4, 1, 2)), "first at row 4, channel 1"),
    "histograms: order": ("histograms", swapped("image"), "numbers of images ascend"),
    "histograms: weights": ("histograms", times("weight", 0.5), "weights sum to 1"),
    "projection: NaN": ("projection", to("mean", 3, NAN), "mean: no NaN"),
    "projection: length": ("projection", times("component", 2), "components are orthonormal"),
    "projection: sign": ("projection", times("component", -1), "largest entry is positive"),
    "projection: share": ("projection", to("explained_share", 0, 1.5), "lies between 0 and 1"),
    "projection: step": ("projection", times("step", -1), "no step is negative"),
    "neighbours: NaN": ("neighbours", to("divergence", (1, 8), NAN), "divergences: no NaN"),
    "neighbours: order": ("neighbours", swapped("divergence", 1), "nearest first"),
    "neighbours: sign": ("neighbours", to("divergence", (0, 0), -0.5), "divergence is negative"),
    "neighbours: number": ("neighbours", to("source_image", (0, 0), -1), "are not negative"),
    "neighbours: target": ("neighbours", to("target_image", 1, 0), "stand once each: 1 stand"),
    "neighbours: recall": ("neighbours", to("recall", 0, 1.5), "the recall lies between"),
    "neighbours: depth": ("neighbours", to("recall_depth", 0, 99), "its depths are those"),
    "probabilities: NaN": ("probabilities", to("probability", (0, 1), NAN), "no NaN"),
    "probabilities: sums": ("probabilities", times("probability", 0.9), "sum to 1"),
    "probabilities: range": ("probabilities", to("probability", (0, 0), -1), "between 0 and 1"),
    "probabilities: label": ("probabilities", to("label", 0, 2), "labels are numbers of classes"),
    "probabilities: path": ("probabilities", to("path", 0, b"b"), "images stand once each"),
    "probabilities: class": ("probabilities", to("class_name", 0, b"dog"), "classes stand once"),
}


@pytest.mark.parametrize("fault", HDF5)
def test_a_fault_in_a_sealed_file_is_named(
    fault: str, copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    name, change, words = HDF5[fault]
    found = failing(edited(copied(name), change), capsys)
    assert any(words in line for line in found), found
    # Whatever is changed, the digest of the content tells it too.
    assert any("data sets have the digest that was written" in line for line in found)


def test_changed_settings_are_told(
    copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def change(file: h5py.File) -> None:
        file.attrs["config"] = file.attrs["config"].replace('"bins": 4', '"bins": 5')

    (found,) = failing(edited(copied("bins"), change), capsys)
    assert "settings and data sets have the digest" in found


def test_lists_hold_no_image_twice_and_nothing_beyond_what_epsilon_allows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = random_neighbours(1, 5, 40, 9)
    lists.sources[2, 4] = lists.sources[2, 1]
    lists.divergences[3, 8] = 9.5
    lists.divergences[0, :2] = lists.divergences[0, 1]
    lists.sources[0, :2] = sorted(lists.sources[0, :2], reverse=True)
    path = tmp_path / "ranking.h5"
    write_neighbours(path, lists, {"epsilon": 1e-4}, {}, None, {"a": 0, "b": 20})
    assert [line.partition(":")[0] for line in failing(path, capsys)] == [
        "no divergence is larger than epsilon allows",
        "nearest first, equal ones by their number",
        "no source image stands twice in a list",
    ]
    write_neighbours(path, random_neighbours(1, 5, 40, 9), {}, {}, None, {"a": 3, "b": 20})
    (found,) = failing(path, capsys)
    assert found == "the sources' numbers follow each other, from 0: they start at [3, 20]"


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("descriptors", "positions"),
        ("bins", "mass"),
        ("histograms", "count"),
        ("projection", "component"),
        ("hashes", "detail"),
        ("neighbours", "divergence"),
        ("probabilities", "label"),
    ],
)
def test_a_file_without_a_data_set_is_refused_in_one_line(
    name: str, lost: str, copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    def change(file: h5py.File) -> None:
        del file[lost]

    assert main(["inspect", str(edited(copied(name), change))]) == 1
    output = capsys.readouterr()
    assert "does not hold what" in output.err and lost in output.err
    assert output.err.count("\n") == 1 and output.out == ""


def put(column: str, row: int, value: Any) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Put a value into a table."""

    def change(table: pl.DataFrame) -> pl.DataFrame:
        values = table[column].to_list()
        values[row] = value
        return table.with_columns(pl.Series(column, values, table.schema[column]))

    return change


def turned(table: pl.DataFrame) -> pl.DataFrame:
    return table.reverse()


def doubled(table: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([table, table])


TABLES = {
    "images: order": ("images.csv", turned, "rows are numbered from 0"),
    "images: twice": ("images.csv", put("path", 0, "a/1.png"), "a/1.png stands again"),
    "images: label": ("images.csv", put("label", 0, 1), "labels and class names"),
    "images: split": ("images.csv", put("split", 0, "tset"), "splits are train, val, test"),
    "images: held out": ("images.csv", put("split", 0, "test"), "training images come first"),
    "images: record": ("images.csv", put("bytes", 0, 7), "its digest of train is another's"),
    "images: bytes": ("images.csv", put("bytes", 0, -1), "smaller than nothing"),
    "subset: order": ("subset.csv", turned, "numbers of images ascend"),
    "subset: NaN": ("subset.csv", put("nearest_divergence", 2, NAN), "first in 2"),
    "subset: chosen": ("subset.csv", put("chosen_by", 1, 0), "who is chosen has a divergence"),
    "subset: label": ("subset.csv", put("label", 1, 1), "labels and class names"),
    "subset: path": ("subset.csv", put("path", 1, ""), "paths and sources are named"),
    "targets: order": ("targets.csv", turned, "numbers of images ascend"),
    "targets: level": ("targets.csv", put("sampling_level", 0, NAN), "levels are at least 1"),
    "targets: draws": ("targets.csv", put("draws", 0, 0), "each is drawn once or more"),
    "targets: number": ("targets.csv", put("neighbours", 0, -1), "are not negative"),
    "difficulty: order": ("difficulty.csv", turned, "numbers of images ascend"),
    "difficulty: share": ("difficulty.csv", put("probability", 0, 1.5), "between 0 and 1"),
    "difficulty: NaN": ("difficulty.csv", put("entropy", 0, NAN), "entropies are not negative"),
    "difficulty: little": ("difficulty.csv", put("entropy", 0, 0.01), "no less than that of"),
    "difficulty: right": ("difficulty.csv", put("correct", 0, False), "right is who"),
    "leakage: reason": ("leakage.csv", put("reasons", 0, ""), "each pair has a reason"),
    "leakage: bits": ("leakage.csv", put("hash_distance", 0, 300), "hashes differ in 0 to 256"),
    "leakage: name": ("leakage.csv", put("source_path", 0, None), "both images of a pair"),
    "skipped: reason": ("0000.skipped.csv", put("reason", 0, ""), "has a path and a reason"),
    "skipped: twice": ("0000.skipped.csv", doubled, "stands again"),
    "generated: twice": ("generated/images.csv", doubled, "stands again (4 such)"),
    "generated: lost": ("generated/images.csv", put("path", 0, "a.jpg"), "a.jpg is not there"),
}


@pytest.mark.parametrize("fault", TABLES)
def test_a_fault_in_a_table_is_named(
    fault: str, copied: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    name, change, words = TABLES[fault]
    path = copied(name)
    schema = {"chosen_by": pl.Int32, "nearest_divergence": pl.Float32, "hash_distance": pl.Int32}
    known = pl.read_csv(path, n_rows=0).columns
    overrides = {n: kind for n, kind in schema.items() if n in known}
    write_table(path, change(pl.read_csv(path, schema_overrides=overrides)))
    found = failing(path, capsys)
    assert any(words in line for line in found), found


def summary_of(**changes: Any) -> dict[str, Any]:
    run = {"seed": 0, "mean_class_accuracy": 0.5, "accuracy": 0.5} | changes
    arm = {"mean_class_accuracy": 0.5, "accuracy": 0.5, "runs": [run]}
    return {"experiment": "demo", "arms": {"selective": arm}, "table": "| a |"}


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("evaluation", {"accuracy": 0.9}, "the accuracy is that of the classes: it is 0.9"),
        ("evaluation", {"mean_class_accuracy": NAN}, "accuracies lie between 0 and 1"),
        ("evaluation", {"images": 4}, "the classes' images are all images: it is 3, not 4"),
        ("summary", summary_of(mean_class_accuracy=0.6), "is 0.5, not 0.6"),
        ("summary", summary_of(accuracy=NAN), "selective, seed 0: accuracy nan"),
        ("index's record", {"items": 199}, "number of items is right: it is 200, not 199"),
        ("index's record", {"trees": 3}, "number of trees is right: it is 4, not 3"),
    ],
)
def test_a_fault_in_a_record_is_named(
    name: str,
    change: dict[str, Any],
    words: str,
    copied: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = copied(name)
    write_json(path, {**read_json(path), **change})
    assert any(words in line for line in failing(path, capsys))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("evaluation", {"classes": 3}),
        ("evaluation", {"images": 0}),
        ("summary", {"arms": {"selective": {"runs": [{}]}}}),
        ("index's record", {"dimensions": "two"}),
        ("index's record", {"made_from": None, "checksum_of_index": "0"}),
    ],
)
def test_a_record_that_cannot_be_one_is_refused_in_one_line(
    name: str,
    change: dict[str, Any],
    copied: Callable[[str], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = copied(name)
    write_json(path, {**read_json(path), **change})
    assert main(["inspect", str(path)]) == 1
    output = capsys.readouterr()
    assert output.err.count("\n") == 1 and output.out == ""
