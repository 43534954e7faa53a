"""Fetching data sets from a server on this machine, as their publishers serve them."""

import hashlib
import io
import json
import logging
import shutil
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from archive_files import content_of
from fetched import fetch, incomplete, refused, settings_of
from mirror import build, mirrored
from pydantic import ValidationError
from server import Server

from sjft.data.listing import list_images
from sjft.data.state import snapshot
from sjft.errors import UserError
from sjft.fetch import download
from sjft.fetch.missing import missing_parts
from sjft.settings.dataset import ImageFolder

COMPLETE = ["indoor67", "flowers102", "dogs120", "caltech256"]
LISTS_ALONE = {"places205": "data", "places365": "data_256"}


@pytest.mark.parametrize("reader", COMPLETE)
def test_a_fetched_data_set_is_listed_like_the_published_one(
    server: Server, tmp_path: Path, reader: str
) -> None:
    build(reader, tmp_path / "published")
    entry = mirrored(reader, tmp_path / "published", server)
    if reader == "caltech256":
        entry["per_class"] = 3
    said = fetch(entry, tmp_path / "data", reader)
    root = tmp_path / "data" / reader
    assert said.startswith(f"{reader}: fetched into {root} (0.")
    settings: Any = settings_of(entry)
    assert list(missing_parts(settings, root)) == []
    fetched, published = (list_images(settings, r) for r in (root, tmp_path / "published"))
    assert fetched.drop("modified").equals(published.drop("modified"))
    left = {path.name for path in root.iterdir()}
    assert not left & {".fetching", *(name for name in left if name.endswith((".tar", "gz")))}


@pytest.mark.parametrize("reader", LISTS_ALONE)
def test_of_places_the_lists_come_and_the_text_says_how_to_get_the_images(
    server: Server, tmp_path: Path, reader: str
) -> None:
    build(reader, tmp_path / "published")
    entry = mirrored(reader, tmp_path / "published", server)
    entry["shards"] = 1
    images, root = LISTS_ALONE[reader], tmp_path / "data" / reader
    for said in ("fetched into", "all that can be downloaded is there already"):
        with pytest.raises(UserError) as error:
            fetch(entry, tmp_path / "data", reader)
        for word in (said, f"no folder {root / images}", ".csail.mit.edu", str(root.resolve())):
            assert word in str(error.value)
    assert len(server.asked) == 1
    shutil.copytree(tmp_path / "published" / images, root / images)
    assert "is there already" in fetch(entry, tmp_path / "data", reader)
    settings: Any = settings_of(entry)
    fetched, published = (list_images(settings, r) for r in (root, tmp_path / "published"))
    assert fetched.drop("modified").equals(published.drop("modified"))


def test_what_cannot_be_downloaded_is_explained_and_no_folder_is_made(tmp_path: Path) -> None:
    entry = {"reader": "imagenet", "root": "imagenet", "how_to_get": "Make an\n account."}
    for _ in range(2):
        refused(entry, tmp_path, "cannot be downloaded", "no folder", "Make an account.")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "imagenet/train").mkdir(parents=True)
    assert fetch(entry, tmp_path) == f"indoor67: is there, in {tmp_path / 'imagenet'}."


def test_the_receipt_names_what_came(indoor: dict[str, Any], tmp_path: Path) -> None:
    fetch(indoor, tmp_path)
    receipt = json.loads((tmp_path / "indoor67/.fetched.json").read_text(encoding="utf-8"))
    assert receipt["contents"] == ["Images", "TestImages.txt", "TrainImages.txt"]
    for fetched, configured in zip(receipt["downloads"], indoor["downloads"], strict=True):
        assert fetched["url"] == configured["url"]
        assert fetched["bytes"] == configured["bytes"]
        assert fetched["checksum"] == configured.get("checksum")
    came = (tmp_path / "indoor67/TestImages.txt").read_bytes()
    assert receipt["downloads"][2]["sha256"] == hashlib.sha256(came).hexdigest()


def test_a_second_run_asks_no_server_and_changes_nothing(
    server: Server, indoor: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        fetch(indoor, tmp_path)
    assert any("to pin it: `checksum: sha256:" in line for line in caplog.messages)
    server.asked.clear()
    settings: Any = settings_of(indoor)
    before = snapshot(settings, tmp_path), content_of(tmp_path / "indoor67")
    assert "is there already" in fetch(indoor, tmp_path)
    assert (snapshot(settings, tmp_path), content_of(tmp_path / "indoor67")) == before
    assert server.asked == []


def test_a_mirror_or_a_checksum_that_fits_fetches_nothing_again(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    fetch(indoor, tmp_path)
    server.asked.clear()
    came = (tmp_path / "indoor67/TestImages.txt").read_bytes()
    indoor["downloads"][2]["checksum"] = f"sha256:{hashlib.sha256(came).hexdigest()}"
    indoor["downloads"][1]["url"] = "http://127.0.0.1:9/mirror/TrainImages.txt"
    assert "is there already" in fetch(indoor, tmp_path)
    # What contradicts the receipt is looked at: here, a file in its place.
    indoor["downloads"][2]["checksum"] = f"sha256:{'0' * 64}"
    refused(indoor, tmp_path, "TestImages.txt: has the checksum", "downloads[2]", "Remove it")
    assert server.asked == []


def test_a_further_download_is_added(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    fetch(indoor, tmp_path)
    server.asked.clear()
    server.add("names", b"names")
    more = {"url": f"{server.url}/names", "save_as": "lists/names.txt"}
    indoor["downloads"] += [more]
    assert "fetched into" in fetch(indoor, tmp_path)
    assert (tmp_path / "indoor67/lists/names.txt").read_bytes() == b"names"
    assert [path for path, _ in server.asked] == ["/names"]
    assert "is there already" in fetch(indoor, tmp_path)


def test_what_was_removed_is_fetched_again(indoor: dict[str, Any], tmp_path: Path) -> None:
    fetch(indoor, tmp_path)
    before = content_of(tmp_path / "indoor67")
    shutil.rmtree(tmp_path / "indoor67/Images")
    assert "fetched into" in fetch(indoor, tmp_path)
    assert content_of(tmp_path / "indoor67") == before


def test_a_data_set_that_is_there_without_a_receipt_is_left_alone(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(tmp_path / "published", tmp_path / "indoor67")
    before = content_of(tmp_path / "indoor67")
    assert "was not fetched. Nothing is done" in fetch(indoor, tmp_path)
    assert content_of(tmp_path / "indoor67") == before
    assert server.asked == []


def test_files_that_are_there_are_not_overwritten(indoor: dict[str, Any], tmp_path: Path) -> None:
    own = tmp_path / "indoor67/Images/bar/A_1.jpg"
    own.parent.mkdir(parents=True)
    own.write_text("mine")
    for _ in range(2):
        refused(indoor, tmp_path, str(own), "something else has this place", "run again")
    assert set(content_of(tmp_path / "indoor67/Images")) == {"bar/A_1.jpg"}
    assert any("completely" in part for part in missing_parts(settings_of(indoor), own.parents[2]))
    own.unlink()
    fetch(indoor, tmp_path)
    assert content_of(tmp_path / "indoor67/Images") == content_of(tmp_path / "published/Images")


def test_files_with_the_same_content_are_kept(indoor: dict[str, Any], tmp_path: Path) -> None:
    shutil.copytree(tmp_path / "published/Images", tmp_path / "indoor67/Images")
    (tmp_path / "indoor67/Images/bar/A_1.jpg").unlink()
    fetch(indoor, tmp_path)
    assert content_of(tmp_path / "indoor67/Images") == content_of(tmp_path / "published/Images")


def test_files_that_were_got_by_hand_are_checked_used_and_kept(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    root = tmp_path / "indoor67"
    root.mkdir()
    content = server.files.pop("/indoor67/indoorCVPR_09.tar").content
    (root / "indoorCVPR_09.tar").write_bytes(content[:-512])
    refused(indoor, tmp_path, "indoorCVPR_09.tar: has", "expected are", "Remove it")
    (root / "indoorCVPR_09.tar").write_bytes(content)
    shutil.copy2(tmp_path / "published/TrainImages.txt", root)
    fetch(indoor, tmp_path)
    assert [path for path, _ in server.asked] == ["/indoor67/TestImages.txt"]
    assert content_of(root / "Images") == content_of(tmp_path / "published/Images")
    assert (root / "indoorCVPR_09.tar").read_bytes() == content


def test_class_folders_are_taken_from_an_archive_that_was_got_by_hand(tmp_path: Path) -> None:
    entry = {
        "reader": "image_folder",
        "root": "mushrooms",
        "splits": {"train": "."},
        "downloads": [{"url": "http://127.0.0.1:9/x.zip", "extract_into": "."}],
    }
    (tmp_path / "mushrooms").mkdir()
    with zipfile.ZipFile(tmp_path / "mushrooms/x.zip", "w") as archive:
        archive.writestr("morel/1.jpg", b"one")
    assert "fetched into" in fetch(entry, tmp_path, "mushrooms")
    assert content_of(tmp_path / "mushrooms/morel") == {"1.jpg": b"one"}
    assert "is there already" in fetch(entry, tmp_path, "mushrooms")


def test_an_archive_is_kept_where_that_is_wanted(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    indoor["downloads"][0] |= {"keep_archive": True, "save_as": "archives/images.tar"}
    fetch(indoor, tmp_path)
    kept = tmp_path / "indoor67/archives/images.tar"
    assert kept.read_bytes() == server.files["/indoor67/indoorCVPR_09.tar"].content
    assert "is there already" in fetch(indoor, tmp_path)


def test_a_download_that_breaks_off_leaves_nothing_that_looks_complete(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    archive = server.files["/indoor67/indoorCVPR_09.tar"]
    archive.broken_after = [5000, 0, 0, 0]
    by_hand = str(tmp_path / "indoor67/indoorCVPR_09.tar")
    refused(indoor, tmp_path, "indoorCVPR_09.tar", "broke off", "Run again", by_hand)
    incomplete(indoor, tmp_path)
    fetch(indoor, tmp_path)
    assert server.asked[4] == ("/indoor67/indoorCVPR_09.tar", "bytes=5000-")
    assert content_of(tmp_path / "indoor67/Images") == content_of(tmp_path / "published/Images")


def test_a_wrong_checksum_leaves_nothing_that_looks_complete(
    indoor: dict[str, Any], tmp_path: Path
) -> None:
    right = indoor["downloads"][0]["checksum"]
    indoor["downloads"][0]["checksum"] = f"md5:{'0' * 32}"
    refused(indoor, tmp_path, "md5:0000", "datasets.indoor67.downloads[0]", ".wrong")
    incomplete(indoor, tmp_path)
    indoor["downloads"][0]["checksum"] = right
    fetch(indoor, tmp_path)
    assert not (tmp_path / "indoor67/.fetching").exists()


def test_a_bad_archive_leaves_nothing_that_looks_complete(
    server: Server, indoor: dict[str, Any], tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("Images/bar/good.jpg"))
        tar.addfile(tarfile.TarInfo("../../evil.jpg"))
    good = server.files["/indoor67/indoorCVPR_09.tar"].content
    server.add("indoor67/indoorCVPR_09.tar", buffer.getvalue())
    entry = json.loads(json.dumps(indoor))
    entry["downloads"][0] |= {"bytes": None, "checksum": None}
    refused(entry, tmp_path, "indoorCVPR_09.tar", "'../../evil.jpg'", "leads out", "Remove the")
    incomplete(indoor, tmp_path)
    assert not list(tmp_path.rglob("evil*"))
    (tmp_path / "indoor67/.fetching/downloads/indoorCVPR_09.tar").unlink()
    server.add("indoor67/indoorCVPR_09.tar", good)
    fetch(indoor, tmp_path)
    assert content_of(tmp_path / "indoor67/Images") == content_of(tmp_path / "published/Images")


def test_an_archive_that_expands_too_far_is_refused_until_that_is_declared(
    indoor: dict[str, Any], tmp_path: Path
) -> None:
    key = "datasets.indoor67.downloads[0].extracted_bytes"
    indoor["downloads"][0]["extracted_bytes"] = 5000
    refused(indoor, tmp_path, "indoorCVPR_09.tar", "5,000 bytes may come out of it", key)
    incomplete(indoor, tmp_path)
    assert list((tmp_path / "indoor67").rglob("*.jpg")) == []
    indoor["downloads"][0]["extracted_bytes"] = 10**6
    fetch(indoor, tmp_path)
    assert content_of(tmp_path / "indoor67/Images") == content_of(tmp_path / "published/Images")


@pytest.mark.parametrize("name", [".fetched.json", ".fetching/downloads/x"])
def test_an_archive_cannot_write_the_programs_own_files(
    server: Server, indoor: dict[str, Any], tmp_path: Path, name: str
) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    server.add("indoor67/indoorCVPR_09.tar", buffer.getvalue())
    indoor["downloads"][0] |= {"bytes": None, "checksum": None}
    refused(indoor, tmp_path, "the program's own", "extract_into")
    incomplete(indoor, tmp_path)


def test_too_little_space_for_archive_and_content_is_said_first(
    server: Server, indoor: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = 2 * indoor["downloads"][0]["bytes"] + 200
    usage = type("Usage", (), {"free": needed - 150})()
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage)
    refused(indoor, tmp_path, "are needed", "are free", "data_root")
    assert server.asked == []


def test_a_root_that_is_a_file_is_named(indoor: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "indoor67").write_text("")
    refused(indoor, tmp_path, str(tmp_path / "indoor67"), "data_root")


def test_a_receipt_that_is_none_is_named(indoor: dict[str, Any], tmp_path: Path) -> None:
    fetch(indoor, tmp_path)
    for text in ("{", "[]", '{"downloads": [{}]}'):
        (tmp_path / "indoor67/.fetched.json").write_text(text)
        refused(indoor, tmp_path, ".fetched.json: is no receipt", "Remove it")


URL = "https://example.org/a.tar"


@pytest.mark.parametrize(
    ("downloads", "message"),
    [
        ([{"url": "ftp://example.org/a.tar"}], "String should match pattern"),
        ([{"url": "https://example.org/"}], "ends with no file name: give `save_as`"),
        ([{"url": URL, "checksum": "sha256:12"}], "String should match pattern"),
        ([{"url": URL, "bytes": -1}], "greater than or equal to 0"),
        ([{"url": URL, "extract_into": "../x"}], r"relative path without `\.\.`"),
        ([{"url": URL, "save_as": "/x"}], r"relative path without `\.\.`"),
        ([{"url": URL}, {"url": f"{URL}?again"}], r"two files are called 'a\.tar'"),
        ([{"uri": URL}], "Field required"),
    ],
)
def test_downloads_that_cannot_be_meant_are_refused(
    downloads: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        ImageFolder(
            reader="image_folder",
            root="x",
            splits={"train": "."},
            downloads=downloads,  # type: ignore[arg-type]
        )
