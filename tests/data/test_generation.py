"""Data sets that are made: by settings of both kinds, each time as a whole."""

import logging
import os
from pathlib import Path

import pytest
from image_files import random_image, save_images

from sjft.data.generation import generate_images
from sjft.errors import BadImageError, UserError
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


def test_bad_and_too_large_photographs_are_left_out_only_as_the_settings_say(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    originals, folder = tmp_path / "photographs", tmp_path / "generated"
    save_images(originals, [f"{c}/{number}.png" for c in "ab" for number in range(3)])
    (originals / "a/0.png").write_bytes((originals / "a/0.png").read_bytes()[:60])
    random_image(1, (400, 300)).save(originals / "b/0.png")

    def made(**keys: object) -> int:
        settings = {"root": "photographs", "splits": {"train": "."}, "size": 16, **keys}
        given = Cameras(reader="cameras", cameras={"plain": 1.0}, **settings)  # type: ignore[arg-type]
        generate_images(given, tmp_path, folder)
        return len(list(folder.rglob("*.jpg")))

    with pytest.raises(BadImageError, match=r"a/0\.png"):
        made()
    assert made(on_bad_image="skip") == 5
    assert made(on_bad_image="skip", largest_image=0.1) == 4
    assert f"skipped {originals / 'b/0.png'}: is too large" in caplog.text
    assert made(on_bad_image="skip", largest_file=0.1) == 4
    assert "left out: 1 image larger than 0.1 MB (`largest_file`): b/0.png" in caplog.text
    (originals / "a/0.png").unlink()
    (originals / os.fsdecode(b"caf\xe9")).mkdir()
    random_image(1, (20, 20)).save(originals / os.fsdecode(b"caf\xe9/1.png"))
    with pytest.raises(UserError, match="is not valid UTF-8"):
        made()
