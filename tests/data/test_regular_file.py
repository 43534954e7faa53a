"""Regular files alone are opened, and none beyond the limit: no pipe holds up a job."""

import os
import socket
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from image_files import random_image
from PIL import Image

from sjft.data.pixels import load_pixels, load_rgb
from sjft.data.regular_file import NotRegularError, TooLargeError, read_regular_file
from sjft.errors import BadImageError
from sjft.settings.image_limits import ImageLimits


def bound_socket(path: Path) -> None:
    # The address of a socket is short; a test's folder may not be.
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path.name)
    finally:
        os.chdir(before)


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a named pipe": os.mkfifo,
    "a socket": bound_socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": Path.mkdir,
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_what_is_no_regular_file_is_named_at_once(tmp_path: Path, kind: str) -> None:
    SPECIAL[kind](tmp_path / "a.jpg")
    for path in (tmp_path / "a.jpg", tmp_path / "link.jpg"):
        if path.name == "link.jpg":
            path.symlink_to(tmp_path / "a.jpg")
        with pytest.raises(NotRegularError, match=f"it is {kind}, no regular file"):
            read_regular_file(path, 10**9)
        with pytest.raises(BadImageError, match=rf"a\.jpg: .*it is {kind}") as error:
            load_pixels(tmp_path / "a.jpg")
        assert error.value.path == str(tmp_path / "a.jpg")


def test_a_pipe_that_takes_the_file_s_place_does_not_hold_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"1")
    before = (tmp_path / "a.jpg").stat()
    (tmp_path / "a.jpg").unlink()
    os.mkfifo(tmp_path / "a.jpg")
    monkeypatch.setattr("sjft.data.regular_file.os.stat", lambda _: before)
    assert stat.S_ISREG(before.st_mode)
    with pytest.raises(NotRegularError, match="a named pipe"):
        read_regular_file(tmp_path / "a.jpg", 10**9)


def test_a_sparse_file_of_3_gb_is_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "a.jpg").open("wb") as file:
        file.truncate(3 * 10**9)
    with pytest.raises(
        BadImageError, match=r"too large \(3,000\.0 MB; the limit `largest_file` is 500\)"
    ):
        load_rgb(tmp_path / "a.jpg")


def test_files_and_links_to_them_are_read_up_to_the_limit(tmp_path: Path) -> None:
    content = os.urandom(100_000)
    (tmp_path / "a").write_bytes(content)
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "empty").write_bytes(b"")
    assert read_regular_file(tmp_path / "a", 100_000) == content
    assert read_regular_file(tmp_path / "link", 10**9) == content
    assert read_regular_file(tmp_path / "empty", 1) == b""
    with pytest.raises(TooLargeError):
        read_regular_file(tmp_path / "link", 99_999)
    with pytest.raises(FileNotFoundError):
        read_regular_file(tmp_path / "none", 1)


def test_a_file_that_is_read_in_parts_comes_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_bytes(bytes(range(250)))
    read = os.read
    monkeypatch.setattr("sjft.data.regular_file.os.read", lambda file, n: read(file, min(n, 100)))
    assert read_regular_file(tmp_path / "a", 1000) == bytes(range(250))


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_the_limit_on_pixels_is_the_configured_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    random_image(1, (200, 100)).save(path)
    assert load_pixels(path, limits=ImageLimits(largest_image=0.02)).shape == (100, 200, 3)
    with pytest.raises(BadImageError) as error:
        load_rgb(path, ImageLimits(largest_image=0.019))
    assert error.value.reason == (
        "is too large (200 x 100 pixels are 0.02 megapixels; the limit `largest_image` is 0.019)"
    )


def test_a_raised_limit_goes_beyond_pillow_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    paths = [tmp_path / f"a{suffix}" for suffix in (".jpg", ".png", ".tif", ".gif", ".webp")]
    for path in paths:
        random_image(1, (200, 100)).save(path)
    with ThreadPoolExecutor(4) as pool:
        shapes = [found.shape for found in pool.map(load_pixels, paths * 8)]
    assert shapes == [(100, 200, 3)] * len(shapes)
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_a_image_that_memory_does_not_suffice_for_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_image(1).save(tmp_path / "a.png")

    def no_memory(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", no_memory)
    with pytest.raises(BadImageError, match=r"a\.png: .* not enough memory"):
        load_pixels(tmp_path / "a.png")
