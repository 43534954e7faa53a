"""The demo's images: reproducible, spread over classes and styles, told apart by style."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sjft.data import synthetic
from sjft.data.readers import read_generated
from sjft.errors import UserError
from sjft.settings.dataset import Synthetic

CONTENTS = synthetic.CONTENTS[:2]
STYLES = synthetic.STYLES[:3]


def write(
    root: Path,
    *,
    contents: tuple[str, ...] = CONTENTS,
    styles: tuple[str, ...] = STYLES,
    train: int = 4,
    test: int = 2,
    quality: int = 85,
    seed: int = 7,
) -> dict[str, bytes]:
    """Generate a small set and return its files' bytes by relative path."""
    count = synthetic.generate(
        root,
        contents=contents,
        styles=styles,
        per_class={"train": train, "test": test},
        size=24,
        quality=quality,
        seed=seed,
    )
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != "images.csv.digest"
    }
    assert (root / "images.csv.digest").is_file()
    assert count == len(files) - 1 == len(contents) * (train + test)
    return files


def spectrum(image: np.ndarray) -> np.ndarray:
    """Return a coarse log power spectrum [81] of an image's luminance, its place left out."""
    grey = np.asarray(Image.fromarray(image).convert("L"), dtype=np.float64)
    power = np.abs(np.fft.fftshift(np.fft.fft2(grey - grey.mean()))) ** 2
    side = power.shape[0] // 9
    return np.log1p(power[: 9 * side, : 9 * side].reshape(9, side, 9, side).mean((1, 3))).ravel()


def test_names_are_unique_and_as_many_as_the_demo_needs() -> None:
    assert len(set(synthetic.STYLES)) == len(synthetic.STYLES) == 8
    assert len(set(synthetic.CONTENTS)) == len(synthetic.CONTENTS) == 16


@pytest.mark.parametrize("style", synthetic.STYLES)
@pytest.mark.parametrize("size", [16, 33])
def test_every_content_renders_in_every_style(style: str, size: int) -> None:
    for content in synthetic.CONTENTS:
        image = synthetic.render(content, style, size, np.random.default_rng(3))
        assert image.shape == (size, size, 3)
        assert image.dtype == np.uint8
        assert image.std() > 1.0


@pytest.mark.parametrize("style", synthetic.STYLES)
def test_the_shape_changes_the_image(style: str) -> None:
    # The same generator state gives the same place, texture and palette: only the shape differs.
    images = {
        synthetic.render(content, style, 32, np.random.default_rng(5)).tobytes()
        for content in synthetic.CONTENTS
    }
    assert len(images) == len(synthetic.CONTENTS)


def test_spectra_tell_the_style_whatever_the_content() -> None:
    # Reference images show the first half of the contents, the queries the other half.
    rng = np.random.default_rng(11)
    half = len(synthetic.CONTENTS) // 2
    known = {
        style: np.mean(
            [spectrum(synthetic.render(c, style, 64, rng)) for c in synthetic.CONTENTS[:half]], 0
        )
        for style in synthetic.STYLES
    }
    right = 0
    for style in synthetic.STYLES:
        for content in synthetic.CONTENTS[half:]:
            query = spectrum(synthetic.render(content, style, 64, rng))
            nearest = min(known, key=lambda name: float(np.abs(known[name] - query).sum()))
            right += nearest == style
    assert right >= 0.95 * half * len(synthetic.STYLES)


def test_the_table_lists_every_image_in_a_stable_order(tmp_path: Path) -> None:
    files = write(tmp_path)
    assert files["images.csv"].startswith(b"path,class,split,style\n")
    assert b"\r" not in files["images.csv"]
    rows = list(csv.DictReader(files["images.csv"].decode().splitlines()))
    assert {row["path"] for row in rows} == set(files) - {"images.csv"}
    for row in rows:
        split, content, name = row["path"].split("/")
        assert (split, content) == (row["split"], row["class"])
        assert name.rpartition("-")[0] == row["style"]
    assert [row["path"] for row in rows[:4]] == [
        "train/disc/fine_grain-0000.jpg",
        "train/disc/coarse_clouds-0000.jpg",
        "train/disc/hatching-0000.jpg",
        "train/disc/fine_grain-0001.jpg",
    ]


def test_files_are_jpegs_of_the_size_asked_for(tmp_path: Path) -> None:
    write(tmp_path)
    with Image.open(tmp_path / "test/disc/fine_grain-0000.jpg") as image:
        assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (24, 24))


def test_quality_reaches_the_encoder(tmp_path: Path) -> None:
    coarse = write(tmp_path / "coarse", quality=20)
    fine = write(tmp_path / "fine", quality=95)
    assert sum(map(len, coarse.values())) < sum(map(len, fine.values()))


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "new")
    assert write(tmp_path / "b") == first
    assert write(tmp_path / "b") == first


def test_no_two_images_are_alike_and_seeds_differ(tmp_path: Path) -> None:
    first, other = write(tmp_path / "a"), write(tmp_path / "b", seed=-7)
    assert len(set(first.values())) == len(first)
    assert all(first[path] != other[path] for path in first if path != "images.csv")


def test_a_larger_set_keeps_the_images_of_a_smaller_one(tmp_path: Path) -> None:
    small = write(tmp_path / "small")
    more = write(tmp_path / "more", train=9)
    wider = write(tmp_path / "wider", contents=synthetic.CONTENTS[:3])
    for large in (more, wider):
        assert all(large[path] == small[path] for path in small if path != "images.csv")


def test_a_image_does_not_depend_on_which_others_are_made(tmp_path: Path) -> None:
    small = write(tmp_path / "small")
    turned = write(tmp_path / "turned", contents=CONTENTS[::-1], styles=STYLES[1::-1])
    shared = (small.keys() & turned.keys()) - {"images.csv"}
    assert len(shared) == 10
    assert all(turned[path] == small[path] for path in shared)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"contents": ("disc", "dodo")}, "unknown content 'dodo'; allowed: disc, triangle"),
        ({"styles": ("dada",)}, "unknown style 'dada'; allowed: fine_grain, coarse"),
        ({"styles": ()}, "styles must be given"),
        ({"contents": ("disc", "disc")}, "each once"),
        ({"quality": 0}, "quality must be 1 to 95"),
        ({"size": 15}, "size must be 16"),
        ({"per_class": {"train": -1}}, "must not be negative"),
        ({"per_class": {"../out": 1}}, "split"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_written(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    arguments: dict[str, object] = {
        "contents": CONTENTS,
        "styles": STYLES,
        "per_class": {"train": 1},
        "size": 24,
        "quality": 85,
        "seed": 1,
    }
    with pytest.raises(ValueError, match=message):
        synthetic.generate(tmp_path / "root", **(arguments | change))  # type: ignore[arg-type]
    assert not (tmp_path / "root").exists()


def test_render_refuses_unknown_names() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="unknown content 'dodo'"):
        synthetic.render("dodo", "hatching", 32, rng)
    with pytest.raises(ValueError, match="unknown style 'dada'"):
        synthetic.render("disc", "dada", 32, rng)


def test_generated_images_that_are_not_whole_are_made_again_as_a_folder(tmp_path: Path) -> None:
    root = tmp_path / "generated"
    write(root)
    made = Synthetic(
        reader="synthetic", contents=CONTENTS, styles=STYLES, per_class={"train": 4}, size=24
    )
    assert read_generated(made, root)
    remedy = re.escape(f"Remove the folder {root}, and its images are made again.")
    for path in (next(root.rglob("*.jpg")), root / "images.csv.digest", root / "images.csv"):
        away = path.rename(tmp_path / "away")
        with pytest.raises(UserError, match=remedy) as error:
            read_generated(made, root)
        assert "\n" not in str(error.value)
        assert "sjft accept" not in str(error.value)
        away.rename(path)
    (root / "images.csv").write_bytes((root / "images.csv").read_bytes()[:-9])
    with pytest.raises(UserError, match=remedy):
        read_generated(made, root)
