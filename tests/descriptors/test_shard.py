"""A shard's descriptors, from its files to its files: what a job is told is what is computed by."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from image_files import save_images
from small import images_table

from sjft.data.shard import ImagesOfShard
from sjft.data.table import write_images
from sjft.descriptors.file import open_descriptors
from sjft.descriptors.shard import ShardOutput, write_descriptors_of_shard
from sjft.errors import BadImageError, UserError
from sjft.selection.subset import read_skipped
from sjft.settings.bank import GaborBank, LevelGrid
from sjft.settings.image_limits import ImageLimits
from sjft.storage.hdf5 import inputs_of, open_hdf5

GRID = LevelGrid(lowest_octave=-6, highest_octave=1, levels_per_octave=4)
BANK = GaborBank(type="gabor", resize=32, crop=32, scales=1, orientations=2, grid=GRID)


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """Four training images and two held-out ones."""
    tables = [images_table([0, 1] * 2), images_table([0, 1], folder="t", split="test")]
    table = pl.concat(tables).with_columns(image=pl.int_range(6, dtype=pl.Int32))
    save_images(tmp_path, table["path"].to_list())
    write_images(tmp_path / "images.csv", table)
    return tmp_path / "images.csv"


def extracted(listed: Path, part: str, bank: GaborBank = BANK, **changes: Any) -> ShardOutput:
    output = ShardOutput(listed.with_name("0000.h5"), listed.with_name("0000.csv"))
    images = ImagesOfShard(listed, part, 0, listed.parent, "as they are", **changes)
    write_descriptors_of_shard(images, bank, None, output, key="banks.small")
    return output


def test_responses_are_counted_on_the_banks_own_grid(listed: Path) -> None:
    output = extracted(listed, "train")
    with open_descriptors(output.descriptors) as file:
        assert file.grid == GRID
        assert file.images.tolist() == [0, 1, 2, 3]
        # Every response is counted once, on a level of this grid.
        np.testing.assert_array_equal(file.mass(2).sum(axis=1), 4 * file.positions)
    with open_hdf5(output.descriptors, kind="sjft-descriptors", version=3) as file:
        assert inputs_of(file) == {"images": "as they are", "weights": ""}


def test_the_limits_hold_for_an_extraction(listed: Path) -> None:
    with pytest.raises(BadImageError, match="largest_image"):
        extracted(listed, "train", limits=ImageLimits(largest_image=1e-5))


def test_a_gpu_that_is_not_there_is_refused_by_its_key(
    listed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(UserError, match=r"banks\.small\.device: `cuda` is asked for"):
        extracted(listed, "train", bank=BANK.model_copy(update={"device": "cuda"}))


def test_held_out_images_may_all_be_bad_and_training_images_may_not(listed: Path) -> None:
    for path in sorted(listed.parent.glob("*/*.png")):
        path.write_bytes(b"no image")
    output = extracted(listed, "heldout", skip_bad=True)
    assert read_skipped(output.skipped)["path"].to_list() == ["t/0.png", "t/1.png"]
    with open_descriptors(output.descriptors) as file:
        assert len(file.images) == 0
    with pytest.raises(UserError, match="no image of this shard can be used"):
        extracted(listed, "train", skip_bad=True)
