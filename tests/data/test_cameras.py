"""Photographs seen through cameras: reproducible, known by their statistics, the same contents."""

import csv
from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from image_files import random_image
from PIL import Image, ImageFilter
from pydantic import TypeAdapter, ValidationError

from sjft.data.cameras import CAMERAS, photograph_all, seen_through
from sjft.data.listing import list_images
from sjft.data.readers import ListedImage
from sjft.settings.dataset import CameraName, Cameras, DatasetSettings


def photograph(seed: int, size: tuple[int, int] = (60, 40)) -> Image.Image:
    """Coloured clouds: noise alone has no tones that a camera could keep."""
    return random_image(seed, size).filter(ImageFilter.GaussianBlur(1))


def photographs(folder: Path, number: int) -> list[ListedImage]:
    listed = [ListedImage(f"a, b/{i}.png", "a, b", "train") for i in range(number)]
    for i, image in enumerate(listed):
        (folder / image.path).parent.mkdir(parents=True, exist_ok=True)
        photograph(i).save(folder / image.path)
    return listed


def written(folder: Path) -> dict[str, bytes]:
    files = [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".digest"]
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def photograph_some(folder: Path, listed: list[ListedImage], name: str, **given: object) -> Path:
    root = folder / name
    settings: dict[str, object] = {
        "cameras": {"plain": 1.0, "low_light": 3.0}, "size": 24, "quality": 90, "seed": 5,
    }  # fmt: skip
    photograph_all(listed, folder / "originals", root, **{**settings, **given})  # type: ignore[arg-type]
    return root


def test_the_settings_know_the_cameras() -> None:
    assert set(get_args(CameraName)) == set(CAMERAS)


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("size", [(60, 40), (7, 90), (500, 375)])
def test_every_camera_sees_every_shape(camera: str, size: tuple[int, int]) -> None:
    seen = seen_through(photograph(1, size), camera, 32, np.random.default_rng(0))
    assert (seen.mode, min(seen.size)) == ("RGB", 32)
    assert max(seen.size) == round(32 * max(size) / min(size))
    again = seen_through(photograph(1, size), camera, 32, np.random.default_rng(0))
    assert seen.tobytes() == again.tobytes()


def test_cameras_leave_marks_of_their_own() -> None:
    by_camera = {}
    for camera in CAMERAS:
        rng = np.random.default_rng(3)
        by_camera[camera] = np.asarray(seen_through(photograph(4), camera, 64, rng), np.float64)
    plain = by_camera["plain"]
    sharpness = {c: np.abs(np.diff(p, axis=1)).mean() for c, p in by_camera.items()}
    assert by_camera["low_light"].mean() < 0.6 * plain.mean()
    assert np.ptp(by_camera["low_light"], axis=2).max() == 0  # grey
    assert sharpness["blur"] < 0.9 * sharpness["plain"]
    assert ((by_camera["halftone"] < 20) | (by_camera["halftone"] > 235)).mean() > 0.5
    assert len(np.unique(by_camera["posterised"])) <= 4
    # Blocks of eight pixels: larger steps at their edges than within them.
    steps = np.abs(np.diff(by_camera["strong_jpeg"], axis=0)).mean(axis=(1, 2))
    assert steps[7::8].mean() > 1.5 * np.delete(steps, np.arange(7, 63, 8)).mean()


def test_images_are_the_same_whenever_they_are_made(tmp_path: Path) -> None:
    listed = photographs(tmp_path / "originals", 12)
    first = written(photograph_some(tmp_path, listed, "first"))
    assert len(first) == 13
    assert written(photograph_some(tmp_path, listed, "again")) == first
    # Others that are added, and the order, change none of them.
    fewer = written(photograph_some(tmp_path, listed[5::-1], "fewer"))
    assert all(first[name] == content for name, content in fewer.items() if name != "images.csv")
    other = written(photograph_some(tmp_path, listed, "other seed", seed=6))
    assert other.keys() == first.keys() and other != first


def test_cameras_are_drawn_by_their_weights(tmp_path: Path) -> None:
    listed = photographs(tmp_path / "originals", 200)
    root = photograph_some(tmp_path, listed, "seen")
    with (root / "images.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seen = Counter(row["style"] for row in rows)
    assert seen["low_light"] + seen["plain"] == 200
    assert abs(seen["low_light"] - 150) < 3 * (200 * 0.75 * 0.25) ** 0.5


def test_sample_images_are_listed_with_their_camera(tmp_path: Path) -> None:
    settings = TypeAdapter(DatasetSettings).validate_python(
        {"reader": "cameras", "root": "x", "splits": {"train": "."}, "cameras": {"blur": 1}}
    )
    listed = [*photographs(tmp_path / "originals", 2), ListedImage("c/1.png", "c", "train")]
    (tmp_path / "originals" / "c").mkdir()
    photograph(9).save(tmp_path / "originals" / "c" / "1.png")
    root = photograph_some(tmp_path, listed, "seen", cameras={"blur": 1.0})
    table = list_images(settings, root)
    assert table["style"].to_list() == ["blur"] * 3
    assert set(table["class_name"]) == {"a, b", "c"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cameras": {}}, "at least 1"),
        ({"cameras": {"sepia": 1}}, "'plain', 'low_light'"),
        ({"cameras": {"blur": 0}}, "greater than 0"),
        ({"splits": None}, "either `splits` or `random_split`"),
    ],
)
def test_wrong_settings_are_refused(change: dict[str, object], message: str) -> None:
    right = {"reader": "cameras", "root": "x", "splits": {"train": "."}, "cameras": {"blur": 1}}
    with pytest.raises(ValidationError, match=message):
        Cameras.model_validate({**right, **change})
