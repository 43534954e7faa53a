"""Scoring and evaluating a network on file: what is written, and what a bad image does."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from image_files import save_images
from small import images_table, manifest, small_network, training_settings

from sjft.data.table import write_images
from sjft.errors import BadImageError, UserError
from sjft.evaluation import difficulty, run
from sjft.evaluation.difficulty import score_difficulty
from sjft.evaluation.probabilities import read_probabilities
from sjft.evaluation.run import EvaluationFiles, ScoredFiles, evaluate, evaluate_run
from sjft.evaluation.scoring import Scoring, class_probabilities
from sjft.networks.devices import choose_device
from sjft.selection.difficulty import difficulty_table, read_difficulty
from sjft.selection.subset import write_manifest
from sjft.settings.evaluation import EvaluationSettings
from sjft.settings.image_limits import ImageLimits
from sjft.storage.files import digest_of_file, read_json, require_digest_beside
from sjft.storage.hdf5 import config_of, inputs_of, open_hdf5

EVALUATION = EvaluationSettings(scales=(16, 20), crops="five", mirror=True)
TRAINING = training_settings()
NETWORK = small_network(3, 2, seed=4)
LIMITS = ImageLimits()
SCORING = Scoring(EVALUATION, TRAINING)


@pytest.fixture(autouse=True)
def _network_on_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A network that is no one of torchvision's cannot be read from a file."""

    def load(path: Path) -> object:
        assert path == tmp_path / "model.pt"
        return NETWORK

    (tmp_path / "model.pt").write_bytes(b"weights")
    for module in (difficulty, run):
        monkeypatch.setattr(module, "load_joint_network", load)


def evaluated(folder: Path, **changes: object) -> EvaluationFiles:
    names = ("evaluation.json", "predictions.csv", "classes.csv", "confusion.csv")
    output = EvaluationFiles(*(folder / "out" / name for name in (*names, "probabilities.h5")))
    files = ScoredFiles(folder / "model.pt", folder / "images.csv")
    scoring = replace(SCORING, **changes)  # type: ignore[arg-type]
    evaluate_run(files, folder, scoring, {"split": "test"}, output)
    return output


@pytest.fixture
def images(tmp_path: Path) -> pl.DataFrame:
    """Training images, of which there is no file, and six to be tested on."""
    tested = images_table([0, 1, 2, 0, 1, 2], folder="t", split="test")
    save_images(tmp_path, tested["path"].to_list())
    table = pl.concat([images_table([0, 1, 2]), tested.with_columns(image=pl.col("image") + 3)])
    write_images(tmp_path / "images.csv", table)
    return table


def test_an_evaluation_reads_one_split_and_writes_what_follows(
    tmp_path: Path, images: pl.DataFrame
) -> None:
    output = evaluated(tmp_path)
    tested = images.filter(split="test")
    wanted, probabilities = evaluate(
        *(NETWORK, tested, tmp_path, ["class 0", "class 1", "class 2"], SCORING)
    )
    assert read_json(output.evaluation) == wanted
    found = read_probabilities(output.probabilities)
    assert np.array_equal(found.values, probabilities.values)
    assert found.paths == tested["path"].to_list()
    assert pl.read_csv(output.predictions)["path"].to_list() == tested["path"].to_list()
    require_digest_beside(output.classes)
    assert pl.read_csv(output.classes)["images"].to_list() == [2, 2, 2]
    assert pl.read_csv(output.confusion)["images"].sum() == 6
    with open_hdf5(output.probabilities, kind="sjft-probabilities", version=1) as file:
        assert config_of(file) == {"split": "test"}
        read = [tmp_path / "model.pt", tmp_path / "images.csv"]
        assert inputs_of(file) == {str(path): digest_of_file(path) for path in read}


def test_a_bad_image_ends_an_evaluation_or_is_left_out_by_name(
    tmp_path: Path, images: pl.DataFrame
) -> None:
    (tmp_path / "t/4.png").write_bytes(b"no image")
    with pytest.raises(BadImageError, match=r"t/4\.png"):
        evaluated(tmp_path)
    output = evaluated(tmp_path, skip_bad_images=True)
    # By its path below the data set: a card that is passed on names no folder of this machine.
    assert [one["path"] for one in read_json(output.evaluation)["skipped"]] == ["t/4.png"]
    assert len(read_probabilities(output.probabilities).paths) == 5


def test_the_limits_hold_for_an_evaluation(tmp_path: Path, images: pl.DataFrame) -> None:
    with pytest.raises(BadImageError, match="largest_image"):
        evaluated(tmp_path, limits=ImageLimits(largest_image=1e-5))


def test_difficulty_is_that_of_a_single_view(tmp_path: Path) -> None:
    chosen = manifest(["dots", "lines", "dots"])
    write_manifest(chosen, tmp_path / "subset.csv", tmp_path / "targets.csv")
    save_images(tmp_path, chosen.targets["path"].to_list())
    output = tmp_path / "difficulty.csv"

    def score(limits: ImageLimits = LIMITS) -> pl.DataFrame:
        files = (tmp_path / "model.pt", tmp_path / "targets.csv")
        score_difficulty(*files, tmp_path, replace(SCORING, limits=limits), output)
        return read_difficulty(output)

    found = score()
    probabilities = class_probabilities(
        NETWORK,
        [tmp_path / path for path in chosen.targets["path"]],
        EvaluationSettings(scales=(16,)),
        TRAINING,
        choose_device("cpu"),
        1,
    ).probabilities
    assert found.equals(difficulty_table(chosen.targets, probabilities))
    with pytest.raises(BadImageError, match="largest_file"):
        score(ImageLimits(largest_file=1e-6))
    (tmp_path / "targets.csv").unlink()
    with pytest.raises(UserError, match=r"targets\.csv"):
        score()
