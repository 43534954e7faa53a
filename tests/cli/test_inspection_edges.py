"""`sjft inspect` on whole files that are at the edge of what is usual."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from descriptor_files import SMALL_GRID, packed_slowly
from inspected import told

from sjft.descriptors.file import KIND, VERSION, append_images, write_channels
from sjft.descriptors.layer import Layer
from sjft.descriptors.levels import number_of_levels
from sjft.retrieval.bins import equalise_bins
from sjft.retrieval.index.annoy import build_annoy_index
from sjft.settings.retrieval import AnnoySettings
from sjft.storage.files import write_plain_table
from sjft.storage.hdf5 import create_hdf5


def test_bins_of_a_layer_that_counts_nothing_are_sane(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of several layers some may weigh 0: see `Configuration`."""
    descriptors = tmp_path / "descriptors.h5"
    config = {"type": "fake", "grid": SMALL_GRID.model_dump()}
    with create_hdf5(descriptors, kind=KIND, version=VERSION, config=config, inputs={}) as writer:
        write_channels(writer, [Layer("used", 1, 4), Layer("not used", 1, 4)])
        counts = np.zeros((1, 2, number_of_levels(SMALL_GRID)), int)
        counts[:, :, :4] = 1
        append_images(writer, np.arange(1, dtype=np.int32), packed_slowly(counts))
    equalise_bins([descriptors], 4, {"used": 1.0, "not used": 0.0}, tmp_path / "bins.h5")
    assert "Sane: all of" in told(capsys, tmp_path / "bins.h5")


@pytest.mark.parametrize("items", [1, 2, 7, 8, 9, 40])
@pytest.mark.parametrize("trees", [1, 2, 5])
def test_an_index_of_few_images_is_sane(
    tmp_path: Path, items: int, trees: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of up to eight items with six dimensions a tree is a single node."""
    vectors = np.random.default_rng(1).random((items, 6), np.float32)
    index, record = tmp_path / "0000.ann", tmp_path / "0000.json"
    build_annoy_index(vectors, AnnoySettings(trees=trees), 1, index, record, {})
    assert "Sane: all of" in told(capsys, index)


def test_classes_may_be_called_by_digits_and_letters(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [*(f"{digit:03}" for digit in range(10) for _ in range(20)), "A", "B"]
    table = pl.DataFrame(
        {
            "path": [f"{name}/{place}.png" for place, name in enumerate(names)],
            "class_name": names,
            "predicted_class": ["003" for _ in names],
            "probability": [0.5 for _ in names],
            "correct": [name == "003" for name in names],
        }
    )
    write_plain_table(tmp_path / "predictions.csv", table)
    assert "Sane: all of" in told(capsys, tmp_path / "predictions.csv")
    row = json.loads(told(capsys, tmp_path / "predictions.csv", "--image", "003/60.png", "--json"))
    assert row["image"]["class_name"] == row["image"]["predicted_class"] == "003"
