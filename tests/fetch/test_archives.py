"""Archives: what is in them comes out, below the folder, and nothing else does."""

import stat
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_files import FILES, content_of, member, write_tar, write_zip
from hypothesis import given
from hypothesis import strategies as st

from sjft.errors import UserError
from sjft.fetch.archives import extract_archive

DEVICES = [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]


def refused(archive: Path, *words: str) -> None:
    outside = archive.parent
    before = {path for path in outside.rglob("*") if "into" not in path.parts}
    with pytest.raises(UserError) as error:
        extract_archive(archive, outside / "into" / "it")
    for word in (archive.name, *words):
        assert word in str(error.value)
    assert {path for path in outside.rglob("*") if "into" not in path.parts} == before
    for path in (outside / "into").rglob("*"):
        assert path.is_dir() or path.is_file()
        assert not path.is_symlink()


WRITERS: dict[str, Callable[[Path], Path]] = {
    "a.tar": lambda path: write_tar(path, FILES),
    "a.tar.gz": lambda path: write_tar(path, FILES, compression="gz"),
    "a.tgz": lambda path: write_tar(path, FILES, compression="gz"),
    "a.tar.bz2": lambda path: write_tar(path, FILES, compression="bz2"),
    "a.tar.xz": lambda path: write_tar(path, FILES, compression="xz"),
    "a.zip": lambda path: write_zip(path, FILES),
    "name without a suffix": lambda path: write_tar(path, FILES, compression="gz"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_archives_of_every_kind_come_out_as_they_went_in(tmp_path: Path, name: str) -> None:
    archive = WRITERS[name](tmp_path / name)
    assert extract_archive(archive, tmp_path / "into") == len(FILES)
    assert content_of(tmp_path / "into") == FILES


def test_modes_of_the_archive_are_not_taken_over(tmp_path: Path) -> None:
    extract_archive(write_tar(tmp_path / "a.tar", FILES), tmp_path / "into")
    (tmp_path / "own").write_text("")
    own = stat.S_IMODE((tmp_path / "own").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "into/list.txt").stat().st_mode) == own


def test_folders_of_their_own_and_the_folder_itself_may_be_members(tmp_path: Path) -> None:
    folders = [member(name, tarfile.DIRTYPE) for name in (".", "./empty", "Images/bar/")]
    extract_archive(write_tar(tmp_path / "a.tar", FILES, *folders), tmp_path / "into")
    assert (tmp_path / "into/empty").is_dir()
    assert content_of(tmp_path / "into") == FILES


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "a.zip", FILES).read_bytes()
    extract_archive(write_tar(tmp_path / "a.tar", {"a.zip": inner}), tmp_path / "into")
    assert content_of(tmp_path / "into") == {"a.zip": inner}


def test_a_file_that_is_in_it_twice_is_the_last_one(tmp_path: Path) -> None:
    again = member("list.txt")
    extract_archive(write_tar(tmp_path / "a.tar", FILES, again), tmp_path / "into")
    assert content_of(tmp_path / "into") == FILES | {"list.txt": b""}


OUTSIDE = [
    ("../evil.txt", "leads out of the folder"),
    ("Images/../../evil.txt", "leads out of the folder"),
    ("Images/..", "leads out of the folder"),
    ("..\\evil.txt", "leads out of the folder"),
    ("/tmp/evil.txt", "has an absolute name"),
    ("//server/evil.txt", "has an absolute name"),
    ("C:\\evil.txt", "has an absolute name"),
    ("c:evil.txt", "has an absolute name"),
]


@pytest.mark.parametrize(("name", "words"), OUTSIDE)
@pytest.mark.parametrize("write", [write_tar, write_zip])
def test_names_that_lead_elsewhere_are_refused(
    tmp_path: Path, write: Callable[..., Path], name: str, words: str
) -> None:
    refused(write(tmp_path / "a.tar", FILES | {name: b"evil"}), repr(name), words, "Remove the")


@pytest.mark.parametrize("name", ["../evil", "/tmp/evil"])
def test_folders_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    refused(write_tar(tmp_path / "a.tar", FILES, member(name, tarfile.DIRTYPE)), repr(name))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("target", ["/etc/passwd", "../../evil", "list.txt"])
def test_links_are_refused_wherever_they_lead(tmp_path: Path, kind: bytes, target: str) -> None:
    archive = write_tar(tmp_path / "a.tar", FILES, member("link", kind, target))
    refused(archive, "'link'", f"is a link to {target!r}")


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = member("Images", tarfile.SYMTYPE, str(tmp_path / "elsewhere"))
    archive = tmp_path / "a.tar"
    with tarfile.open(archive, "w") as tar:
        tar.addfile(link)
        tar.addfile(member("Images/evil.txt"))
    refused(archive, "is a link")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("kind", DEVICES)
def test_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    refused(write_tar(tmp_path / "a.tar", FILES, member("null", kind)), "'null'", "is a device")


@pytest.mark.parametrize(
    ("kind", "words"), [(stat.S_IFLNK, "is a link"), (stat.S_IFIFO, "is a device")]
)
def test_links_and_devices_in_a_zip_are_refused(tmp_path: Path, kind: int, words: str) -> None:
    refused(write_zip(tmp_path / "a.zip", {"link": b"/etc/passwd"}, kind), "'link'", words)


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a")])
def test_a_file_in_the_place_of_a_folder_is_refused(tmp_path: Path, names: tuple[str, str]) -> None:
    refused(write_tar(tmp_path / "a.tar", dict.fromkeys(names, b"x")), "has the place of another")


def test_names_that_the_disk_does_not_tell_apart_are_refused(tmp_path: Path) -> None:
    # As on a disk that ignores capitals: the place is taken by a file that is not this one.
    (tmp_path / "into/it").mkdir(parents=True)
    (tmp_path / "into/it/list.txt").write_text("")
    refused(write_tar(tmp_path / "a.tar", FILES), "'list.txt'", "capitals", "data_root")


@pytest.mark.parametrize("name", WRITERS)
def test_an_archive_that_is_cut_off_is_refused(tmp_path: Path, name: str) -> None:
    archive = WRITERS[name](tmp_path / name)
    whole = archive.read_bytes()
    # For tar, the padding behind the end may be missing.
    last = 512 * (sum(2 + -(-len(content) // 512) for content in FILES.values()) + 2)
    cuts = {1, 200, 512, 1024, len(whole) // 2, len(whole) - 1}
    for cut in sorted(cut for cut in cuts if cut < (last if name == "a.tar" else len(whole))):
        archive.write_bytes(whole[:cut])
        with pytest.raises(UserError, match="cannot be extracted"):
            extract_archive(archive, tmp_path / f"into {cut}")


def test_a_tar_that_ends_between_two_members_is_refused(tmp_path: Path) -> None:
    archive = write_tar(tmp_path / "a.tar", {"a": b"x", "b": b"x"})
    archive.write_bytes(archive.read_bytes()[:1024])
    refused(archive, "its end is missing")


def test_an_encrypted_or_empty_archive_and_an_error_page_are_refused(tmp_path: Path) -> None:
    page = tmp_path / "page.tar"
    page.write_text("<html>Please log in.</html>")
    refused(page, "it is neither tar", "no archive", "remove it and run again")
    refused(write_tar(tmp_path / "empty.tar", {}), "there is no file in it")
    archive = write_zip(tmp_path / "a.zip", {"a": b"x"})
    content = bytearray(archive.read_bytes())
    content[6] |= 1  # the flag for encryption, in both of its places
    content[content.index(b"PK\1\2") + 8] |= 1
    archive.write_bytes(content)
    refused(archive, "encrypted")


@given(place=st.integers(0, 10**6), byte=st.integers(0, 255), name=st.sampled_from(list(WRITERS)))
def test_damage_is_a_clear_error_or_none(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, name: str
) -> None:
    folder = tmp_path_factory.mktemp("damage")
    archive = WRITERS[name](folder / name)
    content = bytearray(archive.read_bytes())
    content[place % len(content)] ^= byte
    archive.write_bytes(content)
    try:
        extract_archive(archive, folder / "into")
    except UserError as error:
        assert str(archive) in str(error)
