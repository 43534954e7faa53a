"""Archives that claim too much, or expand without end, and what is left of them: nothing."""

import bz2
import gzip
import lzma
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_files import FILES, content_of, member, write_tar, write_zip

from sjft.errors import UserError
from sjft.fetch.archive_limit import HEADER, ArchiveLimit
from sjft.fetch.archives import extract_archive

KEY = "datasets.birds.downloads[0].extracted_bytes"
LIMIT = 10**5


def refused(archive: Path, *words: str, declared: int | None = LIMIT) -> None:
    """Extraction ends with a message that names these, and leaves what was there before."""
    into = archive.parent / "into"
    into.mkdir()
    (into / "of another archive").write_text("kept")
    limit = ArchiveLimit(archive, declared, KEY)
    with pytest.raises(UserError) as error:
        extract_archive(archive, into, limit)
    for word in (str(archive), f"{limit.bytes:,} bytes", KEY, *words):
        assert word in str(error.value)
    assert len(str(error.value)) < 600 + len(str(archive))
    assert [path.name for path in into.rglob("*")] == ["of another archive"]


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE, pax: int | None = None) -> bytes:
    """The header of a member that claims a size, in its own field or beside it."""
    info = member(name, kind)
    info.size = size
    if pax is not None:
        info.pax_headers = {"size": str(pax)}
        return info.tobuf(tarfile.PAX_FORMAT)
    return info.tobuf(tarfile.GNU_FORMAT)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("compression", COMPRESS)
@pytest.mark.parametrize("size", [LIMIT + 1, 8 * 10**9, 2**80, -512, -(2**70)])
def test_a_member_that_claims_too_much_is_refused_before_its_content(
    tmp_path: Path, size: int, compression: str
) -> None:
    archive = tmp_path / "a.tar"
    begun = header("a.jpg", 3) + b"abc".ljust(512, b"\0") + header("images/huge.jpg", size)
    archive.write_bytes(COMPRESS[compression](begun + bytes(1024)))
    refused(archive, "'images/huge.jpg'", f"{size:,}" if size < 0 else "expands to")


@pytest.mark.parametrize("size", [8 * 10**9, -512])
def test_a_size_beside_the_header_counts_too(tmp_path: Path, size: int) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(header("huge.jpg", 0, pax=size) + bytes(1024))
    refused(archive, "'huge.jpg'")


@pytest.mark.parametrize(
    "kind", [tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE]
)
@pytest.mark.parametrize("size", [HEADER + 1, 8 * 10**9, 2**80])
def test_a_name_or_a_note_without_an_end_is_refused(tmp_path: Path, kind: bytes, size: int) -> None:
    archive = tmp_path / "a.tar"
    begun = header("first.jpg", 1) + b"a".ljust(512, b"\0") + header("x", size, kind)
    archive.write_bytes(gzip.compress(begun + b"a" * (2 * HEADER)))
    refused(archive, "'first.jpg'", "a header claims")


def test_names_that_follow_each_other_without_an_end_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    name = header("x", 10**6, tarfile.GNUTYPE_LONGNAME) + b"a" * (10**6 // 512 + 1) * 512
    archive.write_bytes(gzip.compress(name * 9))
    refused(archive, "at its beginning")


def test_a_sparse_member_counts_as_what_it_would_be(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    for version in ("0.1", "1.0"):
        info = member("sparse.jpg")
        info.size = 512 if version == "1.0" else 0
        info.pax_headers = {
            "GNU.sparse.major": version[0],
            "GNU.sparse.minor": version[2],
            "GNU.sparse.name": "sparse.jpg",
            "GNU.sparse.realsize": str(2**50),
            "GNU.sparse.size": str(2**50),
        }
        if version == "0.1":
            info.pax_headers |= {"GNU.sparse.map": f"{2**50},0", "GNU.sparse.numblocks": "1"}
        block = f"1\n{2**50}\n0\n".encode().ljust(512, b"\0")
        archive.write_bytes(
            info.tobuf(tarfile.PAX_FORMAT) + block * (version == "1.0") + bytes(1024)
        )
        (tmp_path / version).mkdir()
        moved = archive.rename(tmp_path / version / "a.tar")
        refused(moved, "'sparse.jpg'", f"{2**50:,}")


@pytest.mark.slow
def test_a_sparse_map_without_an_end_is_refused(tmp_path: Path) -> None:
    info = member("sparse.jpg")
    info.size = 2**40
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": "1",
    }
    archive = tmp_path / "a.tar"
    numbers = b"9999999999\n" + b"1\n" * (HEADER // 2)
    archive.write_bytes(gzip.compress(info.tobuf(tarfile.PAX_FORMAT) + numbers))
    refused(archive, "at its beginning")


@pytest.mark.parametrize("compression", ["gz", "bz2", "xz"])
def test_a_tar_that_expands_without_end_is_refused(tmp_path: Path, compression: str) -> None:
    files = {"list.txt": b"x", "bomb": bytes(30 * LIMIT)}
    refused(write_tar(tmp_path / "a.tar", files, compression=compression), "'bomb'")


@pytest.mark.parametrize("compression", COMPRESS)
def test_what_follows_the_last_member_is_not_read_without_end(
    tmp_path: Path, compression: str
) -> None:
    archive = write_tar(tmp_path / "a.tar", {"list.txt": b"x"})
    archive.write_bytes(COMPRESS[compression](archive.read_bytes() + bytes(30 * LIMIT)))
    refused(archive, "behind the entry 'list.txt' it goes on beyond byte 200,000")


def test_a_zip_that_expands_without_end_is_refused(tmp_path: Path) -> None:
    refused(write_zip(tmp_path / "a.zip", {"list.txt": b"x", "bomb": bytes(30 * LIMIT)}), "'bomb'")


@pytest.mark.parametrize("size", [8 * 10**9, 2**63])
def test_a_zip_that_claims_too_much_is_refused(tmp_path: Path, size: int) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("huge.jpg", b"x")
        file.filelist[0].file_size = size
    refused(archive, "'huge.jpg'", f"{size:,}")


def test_a_zip_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("bomb", bytes(30 * LIMIT))
        file.filelist[0].file_size = 5
    with pytest.raises(UserError, match="cannot be extracted"):
        extract_archive(archive, tmp_path / "into", ArchiveLimit(archive, LIMIT))
    assert not (tmp_path / "into").exists()


@pytest.mark.parametrize("write", [write_tar, write_zip])
@pytest.mark.parametrize("name", ["{}", "{}/", "a/{0}/{0}/{0}"])
def test_entries_without_number_are_refused_though_they_are_empty(
    tmp_path: Path, write: Callable[..., Path], name: str
) -> None:
    numbers = range(LIMIT // 4096 + 1)
    names = [name.format(number) for number in numbers]
    if write is write_tar:
        kind = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
        archive = write_tar(tmp_path / "a.tar", {}, *(member(n, kind) for n in names))
    else:
        archive = write_zip(tmp_path / "a.zip", dict.fromkeys(names, b""))
    refused(archive, "expands to 102,400 bytes" if name != "a/{0}/{0}/{0}" else "expands to")


@pytest.mark.parametrize("name", ["a" * 256, "ä" * 128, "a/" * 600 + "a", "x" * 10**5])
@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_names_that_no_disk_has_are_refused(
    tmp_path: Path, write: Callable[..., Path], name: str
) -> None:
    if write is write_zip and len(name) > 2**16:
        pytest.skip("zip has 16 bits for the length of a name")
    archive = write(tmp_path / "a.archive", {"list.txt": b"x", name: b"x"})
    with pytest.raises(UserError, match="has a name of") as error:
        extract_archive(archive, tmp_path / "into")
    assert len(str(error.value)) < 600 + len(str(archive))
    assert not (tmp_path / "into").exists()


def test_an_archive_may_expand_to_a_multiple_of_its_size_or_to_what_is_declared(
    tmp_path: Path,
) -> None:
    content = {"list.txt": b"n01440764/a.jpg 1\n" * 10**5}  # a list, a hundredth when compressed
    archive = write_tar(tmp_path / "a.tar.gz", content, compression="gz")
    assert archive.stat().st_size < len(content["list.txt"]) / 50
    extract_archive(archive, tmp_path / "into")
    assert content_of(tmp_path / "into") == content
    assert ArchiveLimit(archive).bytes == 10**9
    exactly = len(content["list.txt"])
    extract_archive(archive, tmp_path / "again", ArchiveLimit(archive, exactly))
    shutil.rmtree(tmp_path / "into")
    refused(archive, "'list.txt'", declared=exactly - 1)


def test_large_archives_may_expand_twentyfold(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    with archive.open("wb") as file:
        file.truncate(10**10)
    assert ArchiveLimit(archive).bytes == 2 * 10**11


def test_archives_in_an_archive_stay_what_they_are(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "inner.zip", {"bomb": bytes(30 * LIMIT)}).read_bytes()
    archive = write_tar(tmp_path / "a.tar", {"inner.zip": inner})
    extract_archive(archive, tmp_path / "into", ArchiveLimit(archive, LIMIT))
    assert content_of(tmp_path / "into") == {"inner.zip": inner}


def test_what_a_refused_archive_has_written_is_taken_back(tmp_path: Path) -> None:
    (tmp_path / "into/Images/bar").mkdir(parents=True)
    (tmp_path / "into/Images/bar/other.jpg").write_text("kept")
    archive = write_tar(tmp_path / "a.tar", FILES, member("link", tarfile.SYMTYPE, "x"))
    with pytest.raises(UserError, match="is a link"):
        extract_archive(archive, tmp_path / "into")
    assert content_of(tmp_path / "into") == {"Images/bar/other.jpg": b"kept"}
    assert not (tmp_path / "into/Images/attic").exists()
