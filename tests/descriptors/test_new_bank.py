"""A filter bank that the library does not know: a module and its settings, and the way works."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from difference_bank import DifferenceBank
from extractions import NAMES
from image_files import save_images
from pages import quoted_in
from rerun_table import BASE
from small import images_table

from sjft.checks.answers import questions_of
from sjft.checks.asked import Asked
from sjft.checks.networks import ask_bank
from sjft.data.pixels import load_pixels
from sjft.data.shard import ImagesOfShard
from sjft.data.table import write_images
from sjft.descriptors.banks import BANKS, bank_settings, make_bank
from sjft.descriptors.file import open_descriptors
from sjft.descriptors.levels import every_level, levels_of, number_of_levels
from sjft.descriptors.shard import ShardOutput, write_descriptors_of_shard
from sjft.fetch.missing import missing_data
from sjft.pipeline import inputs
from sjft.pipeline.speeds import make_images, measure_speeds
from sjft.pipeline.stage_settings import of_descriptors, only_told
from sjft.selection.subset import read_skipped
from sjft.settings.config import read_configuration
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.weights import FileWeights, RandomWeights, Weights

VALUES = {"type": "differences", "resize": 12, "crop": 8, "step": 2}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BANKS, "differences", "difference_bank")


def test_a_shard_is_extracted_with_it(tmp_path: Path) -> None:
    save_images(tmp_path, NAMES)
    table = images_table([0, 1] * 10).with_columns(path=pl.Series(NAMES))
    write_images(tmp_path / "images.csv", table)
    shipped = read_configuration(BASE)
    configuration = shipped.model_copy(update={"banks": {"new": DifferenceBank(**VALUES)}})
    values = of_descriptors(configuration, "new") | only_told(configuration)["banks"]["new"]
    bank = bank_settings(values)
    assert bank == configuration.banks["new"]
    write_descriptors_of_shard(
        ImagesOfShard(tmp_path / "images.csv", "train", 0, tmp_path, state="as they are"),
        *(bank, None, ShardOutput(tmp_path / "0000.h5", tmp_path / "0000.skipped.csv")),
        key="banks.new",
    )
    with open_descriptors(tmp_path / "0000.h5") as file:
        assert file.config == {**VALUES, "grid": bank.grid.model_dump()}
        assert tuple(dict.fromkeys(file.layer_of_channel)) == bank.layer_names
        number = number_of_levels(bank.grid)
        (counts,) = file.blocks(20, every_level(2, bank.grid), number, np.int64)
    assert read_skipped(tmp_path / "0000.skipped.csv").is_empty()
    prepare = make_bank(bank, None).prepare
    for name, of_image in zip(NAMES, counts, strict=True):
        grey = prepare(load_pixels(tmp_path / name)).numpy()[:, :, 0].astype(np.float32) / 255
        here = grey[:-2, :-2]
        for seen, wanted in zip(of_image, (grey[:-2, 2:], grey[2:, :-2]), strict=True):
            levels = levels_of((wanted - here).reshape(-1), bank.grid)
            np.testing.assert_array_equal(seen, np.bincount(levels, minlength=number))


@pytest.mark.parametrize(
    ("step", "said"), [(2, []), (8, [["step", "is 8; the crop is 8 px wide"]])]
)
def test_it_is_asked_whether_it_can_be_made(step: int, said: list[list[str]]) -> None:
    asked = bank_settings({**VALUES, "step": step})
    assert [list(each) for each in ask_bank({"ask": "bank", "bank": asked.deciding})] == said


def test_it_has_no_weights_to_fetch_or_to_miss(tmp_path: Path) -> None:
    bank = bank_settings(VALUES)
    assert bank.network_weights is None
    assert bank.without_file() == bank
    retrieval = RetrievalSettings(bank="new", backend="exact")
    speeds = measure_speeds(tmp_path, make_images(tmp_path, 2), bank, None, retrieval)
    assert speeds.bins == 2 * retrieval.bins
    assert speeds.extract_seconds > 0


class WithKernels(DifferenceBank):
    """A bank with weights of its own, which are no network's."""

    weights: FileWeights | RandomWeights = FileWeights(source="file", path="kernels.pth")

    @property
    def weights_or_none(self) -> Weights:
        return self.weights


def test_weights_that_are_no_network_s_are_missed_and_watched(tmp_path: Path) -> None:
    bank = WithKernels(**VALUES)
    configuration = read_configuration(BASE).model_copy(
        update={"banks": {"cnn": bank}, "data_root": str(tmp_path)}
    )
    assert f"`banks.cnn.weights`: no file {tmp_path / 'kernels.pth'}" in str(
        missing_data(configuration, ["all"], {"all": ["selective"]})
    )
    asked = Asked("all", ("selective",), True)
    (tmp_path / "kernels.pth").write_bytes(b"1")
    of_bank = [q.asks for q in questions_of(configuration, asked, {}) if q.key == "banks.cnn"]
    assert of_bank[0]["state"].startswith("1 bytes")
    assert inputs.published_weights(bank.network_weights) == []


def test_the_page_shows_this_very_bank() -> None:
    assert quoted_in("adding-a-bank.md", "difference_bank.py")
