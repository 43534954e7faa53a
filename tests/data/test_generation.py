"""Data sets that are made: by settings of both kinds, each time as a whole."""

import logging
from pathlib import Path

import pytest
from image_files import save_images

from sjft.data.generation import generate_images
from sjft.settings.dataset import Cameras, Synthetic

MADE = Synthetic(
    reader="synthetic",
    contents=("disc", "ring"),
    styles=("hatching",),
    per_class={"train": 2, "test": 1},
    size=16,
)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_what_was_there_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "generated"
    with caplog.at_level(logging.INFO):
        generate_images(MADE, tmp_path, folder)
    assert caplog.messages == ["6 images"]
    first = contents(folder)
    assert {"train/disc/hatching-0001.jpg", "test/ring/hatching-0000.jpg"} < set(first)
    (folder / "train/disc/hatching-0000.jpg").write_bytes(b"cut off")
    (folder / "train/old").mkdir()
    (folder / "train/old/one.jpg").touch()
    generate_images(MADE, tmp_path, folder)
    assert contents(folder) == first


def test_photographs_below_the_data_root_are_seen_through_cameras(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"{c}/{number}.png" for c in "ab" for number in range(4)]
    save_images(tmp_path / "data/photographs", names)
    (tmp_path / "data/photographs/a/notes.txt").touch()
    settings = Cameras(
        reader="cameras",
        root="photographs",
        random_split={"train": 0.5},  # type: ignore[arg-type]
        cameras={"plain": 1.0, "blur": 1.0},
        size=16,
    )
    folder = tmp_path / "generated"
    with caplog.at_level(logging.INFO):
        generate_images(settings, tmp_path / "data", folder)
    assert len([name for name in contents(folder) if name.endswith(".jpg")]) == 8
    said = "\n".join(caplog.messages)
    assert "notes.txt" in said and "plain: " in said and "blur: " in said
