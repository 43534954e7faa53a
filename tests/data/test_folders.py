"""The one walk over folders of images: what it takes, in which order, and what it leaves out."""

import logging
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from image_files import touch
from PIL import Image

from sjft.data.disk import files_below, folders_below
from sjft.data.folders import Walk, images_below
from sjft.data.names import ENDINGS, FOREIGN_SUFFIXES, SUFFIXES
from sjft.data.omissions import Omissions, Reason
from sjft.errors import UserError

# Formats that Pillow registers and that are no images one would train on, or no images.
NOT_TAKEN = {
    *("BLP", "CUR", "DCX", "DDS", "EPS", "FITS", "FLI", "FTEX", "GBR", "ICNS", "ICO", "IM", "MSP"),
    *("PALM", "PCD", "PIXAR", "PSD", "SUN", "WMF", "XBM", "XPM"),
}
NO_IMAGES = {"BUFR", "GRIB", "HDF5", "IPTC", "MPEG", "PDF"}


def test_every_ending_that_pillow_registers_is_taken_or_named_or_no_image() -> None:
    Image.init()
    for ending, name in Image.registered_extensions().items():
        if name in ENDINGS and ending != ".pfm":
            assert ending in ENDINGS[name]
        elif name not in NO_IMAGES:
            assert name in NOT_TAKEN or ending == ".pfm"
            assert ending in FOREIGN_SUFFIXES
    assert {"JPEG", "PNG", "PPM", "AVIF", "WEBP", "JPEG2000", "MPO"} <= ENDINGS.keys()
    assert not SUFFIXES & FOREIGN_SUFFIXES
    registered = {ending.lower() for ending in Image.registered_extensions()}
    assert registered >= SUFFIXES


def test_every_ending_stands_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs/readers.md").read_text(encoding="utf-8")
    listed = text.partition("## Which files are images")[2].partition(" Grey")[0]
    assert set(re.findall(r"\.[a-z0-9]+", listed)) == SUFFIXES


def test_folders_come_before_their_subfolders_names_sorted(tmp_path: Path) -> None:
    touch(
        tmp_path, ["b/2.png", "b/1.png", "b/a/0.png", "a-c/1.png", "a/z/1.png", "a/9.JPG", "z.png"]
    )
    found, omissions = images_below(tmp_path)
    assert found == [
        "z.png",
        "a/9.JPG",
        "a/z/1.png",
        "a-c/1.png",
        "b/1.png",
        "b/2.png",
        "b/a/0.png",
    ]
    assert omissions.count() == 0
    assert omissions.lines() == []


def test_images_of_formats_that_are_not_read_are_named_by_ending(tmp_path: Path) -> None:
    touch(tmp_path, [*(f"{i}.HEIC" for i in range(5)), "raw.cr2", "a.jfif", "b.avif", "notes.txt"])
    found, omissions = images_below(tmp_path)
    assert found == ["a.jfif", "b.avif"]
    assert omissions.lines() == [
        "1 image ending in .cr2, a format that is not read (save it as PNG or JPEG): raw.cr2",
        "5 images ending in .heic, a format that is not read (save them as PNG or JPEG): "
        "0.HEIC, 1.HEIC, 2.HEIC, ...",
        "1 file whose ending is no image's: notes.txt",
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("@eaDir/1.png/SYNOPHOTO_THUMB_XL.jpg", Reason.SYSTEM),
        ("deep/@eaDir/SYNOPHOTO_THUMB_M.jpg", Reason.SYSTEM),
        ("__MACOSX/._1.jpg", Reason.SYSTEM),
        ("#recycle/1.jpg", Reason.SYSTEM),
        ("$RECYCLE.BIN/1.jpg", Reason.SYSTEM),
        ("Thumbs.db", Reason.SYSTEM),
        ("desktop.ini", Reason.SYSTEM),
        (".thumbnails/1.jpg", Reason.HIDDEN),
        ("._1.jpg", Reason.HIDDEN),
        (".DS_Store", Reason.HIDDEN),
    ],
)
def test_what_systems_leave_behind_is_no_image(tmp_path: Path, name: str, reason: Reason) -> None:
    touch(tmp_path, ["1.jpg", name])
    found, omissions = images_below(tmp_path)
    assert found == ["1.jpg"]
    assert omissions.count() == omissions.count(reason) == 1


def test_a_folder_that_is_asked_for_by_name_may_be_hidden(tmp_path: Path) -> None:
    touch(tmp_path, [".private/@eaDir/1.jpg"])
    assert images_below(tmp_path / ".private/@eaDir")[0] == ["1.jpg"]


@pytest.mark.parametrize(
    "target",
    ["cat", "cat/deep", ".", "..", "/"],
    ids=["parent", "itself", "start", "above the start", "root of all"],
)
def test_a_link_back_to_a_folder_it_lies_in_is_followed_never(tmp_path: Path, target: str) -> None:
    top = tmp_path / "top"
    touch(top, ["cat/1.png", "cat/deep/2.png", "dog/3.png"])
    (top / "cat/deep/loop").symlink_to(top / target if target != "/" else Path("/"))
    found, omissions = images_below(top)
    assert found == ["cat/1.png", "cat/deep/2.png", "dog/3.png"]
    assert omissions.lines() == ["1 link that leads back to a folder it lies in: cat/deep/loop"]
    assert "".join(files_below(top)).count(".png\t") == 3
    assert len(list(folders_below(top))) == 4


def test_two_links_to_each_others_folders_end(tmp_path: Path) -> None:
    touch(tmp_path, ["a/1.png", "b/2.png"])
    (tmp_path / "a/to_b").symlink_to("../b")
    (tmp_path / "b/to_a").symlink_to("../a")
    found, omissions = images_below(tmp_path)
    assert found == ["a/1.png", "b/2.png"]
    assert omissions.count(Reason.AGAIN) == omissions.count() == 2


def test_a_folder_comes_before_the_links_to_it_and_one_that_lies_elsewhere_is_followed(
    tmp_path: Path,
) -> None:
    touch(tmp_path, ["elsewhere/1.png", "top/real/2.png"])
    (tmp_path / "top/a_link").symlink_to("real")
    (tmp_path / "top/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "start").symlink_to("top")
    for start in ("top", "start"):
        found, omissions = images_below(tmp_path / start)
        assert found == ["linked/1.png", "real/2.png"]
        assert omissions.lines() == ["1 folder that was reached by another path already: a_link"]


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        # The names of sockets are short.
        here = Path.cwd()
        os.chdir(path.parent)
        try:
            bound.bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, Reason.SPECIAL),
        (make_socket, Reason.SPECIAL),
        (lambda path: path.symlink_to("/dev/zero"), Reason.SPECIAL),
        (lambda path: path.symlink_to("gone.jpg"), Reason.DANGLING),
        (lambda path: path.symlink_to(path.name), Reason.DANGLING),
    ],
    ids=["pipe", "socket", "device", "broken link", "link to itself"],
)
def test_what_is_no_file_is_not_taken_whatever_its_name(
    tmp_path: Path, make: Callable[[Path], None], reason: Reason
) -> None:
    touch(tmp_path, ["1.jpg"])
    make(tmp_path / "x.jpg")
    found, omissions = images_below(tmp_path)
    assert found == ["1.jpg"]
    assert omissions.count() == omissions.count(reason) == 1
    assert omissions.lines()[0].endswith(": x.jpg")
    assert "".join(files_below(tmp_path)).count("\t") == 2  # of 1.jpg alone


def test_a_folder_is_a_folder_whatever_its_name_and_links_to_files_are_files(
    tmp_path: Path,
) -> None:
    touch(tmp_path, ["a.jpg/1.png", "empty.jpg/.keep"])
    (tmp_path / "b.jpg").symlink_to("a.jpg/1.png")
    assert images_below(tmp_path)[0] == ["b.jpg", "a.jpg/1.png"]


def test_a_folder_that_cannot_be_read_is_an_error_and_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, ["cat/1.png", "cat/locked/2.png"])
    scan = os.scandir

    def refuse(path: str) -> object:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(UserError, match=r"cat/locked: cannot be read \(Permission denied\)"):
        images_below(tmp_path)
    with pytest.raises(UserError, match=r"nowhere: cannot be read \(No such file"):
        images_below(tmp_path / "nowhere")


def test_a_folder_may_not_belong_to_two(tmp_path: Path) -> None:
    touch(tmp_path, ["cat/1.png", "dog/2.png"])
    (tmp_path / "dog/more").symlink_to("../cat")
    walk = Walk(tmp_path)
    inside = walk.open(str(tmp_path))
    assert [entry.name for entry in inside.folders] == ["cat", "dog"]
    assert list(walk.images(inside.folders[0].path, "cat/", "cat")) == ["cat/1.png"]
    with pytest.raises(UserError, match=r"dog/more: is the same folder as 'cat', by a link"):
        list(walk.images(inside.folders[1].path, "dog/", "dog"))


def test_names_that_no_terminal_can_show_are_escaped_and_levels_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    odd = os.fsdecode(b"\xff\n.heic")
    touch(tmp_path, [odd, "é.txt", "\x1b[31m.txt"])
    caplog.set_level("INFO")
    images_below(tmp_path)[1].log(logging.getLogger("sjft.test"), tmp_path)
    foreign, other = caplog.records
    assert foreign.levelname == "WARNING"
    assert foreign.getMessage().endswith(r": \udcff\n.heic")
    assert other.levelname == "INFO"
    assert other.getMessage().endswith(r"are no images': \x1b[31m.txt, é.txt")


def test_omissions_begin_anew() -> None:
    omissions = Omissions()
    omissions.add(Reason.OTHER, "a")
    omissions.clear()
    assert (omissions.count(), omissions.lines()) == (0, [])
