"""Every stage that opens images: special files, files and images too large or too long."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from image_files import random_image, save_images
from small import small_network, training_settings

from sjft.descriptors.banks.gabor import GaborFilterBank
from sjft.descriptors.extraction import Extraction, extract_descriptors
from sjft.errors import BadImageError
from sjft.evaluation.scoring import class_probabilities
from sjft.leakage.hashes import hash_images
from sjft.settings.bank import GaborBank, LevelGrid
from sjft.settings.evaluation import EvaluationSettings
from sjft.settings.image_limits import ImageLimits
from sjft.training.batches import JointBatches, LabelledImages
from sjft.training.cache import ImageCache
from sjft.training.pairing import NoSource, Pairing

GABOR = GaborFilterBank(GaborBank(type="gabor", resize=40, crop=32, scales=2, orientations=2), None)
CPU = torch.device("cpu")
USUAL = ImageLimits()


def as_table(path: Path) -> pl.DataFrame:
    return pl.DataFrame(
        {"image": [0, 1], "path": ["fine.png", path.name]},
        schema={"image": pl.Int32, "path": pl.String},
    )


def extraction(path: Path, limits: ImageLimits, threads: int) -> str:
    job = Extraction(GABOR, LevelGrid(), {}, {}, True, threads, limits)
    skipped = extract_descriptors(as_table(path), path.parent, job, path.parent / "d.h5")
    return "".join(skipped["reason"])


def hashing(path: Path, limits: ImageLimits, threads: int) -> str:
    skipped = hash_images(as_table(path), path.parent, path.parent / "h.h5", {}, limits)
    return "".join(skipped["reason"])


def training(path: Path, limits: ImageLimits, threads: int) -> str:
    nothing = LabelledImages([], np.empty(0, np.int64))
    batches = JointBatches(
        LabelledImages([path.with_name("fine.png"), path], np.arange(2)),
        nothing,
        Pairing(2, 2, NoSource(), 1),
        training_settings(target_batch=2),
        1,
        ImageCache(0, 20, limits),
    )
    try:
        assert batches[0].images.shape == (2, 3, 16, 16)
    except BadImageError as error:
        assert error.path == str(path)
        return error.reason
    return ""


def scoring(path: Path, limits: ImageLimits, threads: int) -> str:
    scored = class_probabilities(
        small_network(),
        [path.with_name("fine.png"), path],
        EvaluationSettings(scales=(16, 24), crops="five", mirror=True),
        training_settings(),
        CPU,
        threads,
        limits,
    )
    assert len(scored.rows) + len(scored.skipped) == 2
    return "".join(error.reason for error in scored.skipped)


STAGES: list[Callable[[Path, ImageLimits, int], str]] = [extraction, hashing, training, scoring]


@pytest.fixture(params=STAGES, ids=lambda stage: stage.__name__)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., str]:
    save_images(tmp_path, ["fine.png"])
    return lambda name, limits=USUAL, threads=1: request.param(tmp_path / name, limits, threads)


@pytest.mark.parametrize("threads", [1, 4])
def test_every_stage_names_what_is_no_file(
    tmp_path: Path, stage: Callable[..., str], threads: int
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "a named pipe, no regular file" in stage("pipe.jpg", threads=threads)
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    assert "a device, no regular file" in stage("zero.png", threads=threads)


def test_every_stage_heeds_its_limits(tmp_path: Path, stage: Callable[..., str]) -> None:
    with (tmp_path / "sparse.jpg").open("wb") as file:
        file.truncate(3 * 10**9)
    assert "3,000.0 MB; the limit `largest_file` is 500" in stage("sparse.jpg")
    random_image(2, (200, 300)).save(tmp_path / "a.png")
    size = (tmp_path / "a.png").stat().st_size / 1e6
    assert stage("a.png") == ""
    assert stage("a.png", ImageLimits(largest_image=0.06, largest_file=size + 0.001)) == ""
    assert "200 x 300 pixels" in stage("a.png", ImageLimits(largest_image=0.05))
    assert "limit `largest_file`" in stage("a.png", ImageLimits(largest_file=size / 2))


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_every_stage_takes_a_line_of_60_000_pixels(
    tmp_path: Path, stage: Callable[..., str], suffix: str
) -> None:
    random_image(3, (60_000, 1)).save(tmp_path / f"wide{suffix}")
    random_image(3, (1, 60_000)).save(tmp_path / f"high{suffix}")
    assert stage(f"wide{suffix}") == ""
    assert stage(f"high{suffix}") == ""
