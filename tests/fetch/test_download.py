"""Downloads from a server on this machine, with the faults that servers have."""

import logging
from pathlib import Path

import pytest
from downloads import CONTENT, HALF, digest, left_in, refused, wanted
from server import Served, Server

from sjft.errors import UserError
from sjft.fetch import download as module
from sjft.fetch.download import Wanted, download


@pytest.mark.parametrize("algorithm", [None, "sha256", "sha1", "md5"])
def test_a_file_comes_as_it_is_and_nothing_else_is_left(
    server: Server, file: Served, tmp_path: Path, algorithm: str | None
) -> None:
    path = tmp_path / "new folder" / "b.tar"
    checksum = algorithm and digest(CONTENT, algorithm)
    received = download(wanted(server, size=len(CONTENT), checksum=checksum), path)
    assert path.read_bytes() == CONTENT
    assert (received.bytes, f"sha256:{received.sha256}") == (len(CONTENT), digest(CONTENT))
    assert left_in(path.parent) == {"b.tar"}
    assert server.asked == [("/a.tar", None)]


def test_progress_is_logged(
    server: Server, file: Served, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        download(wanted(server), tmp_path / "a.tar")
    kibibytes = -(-len(CONTENT) // 1024)
    assert any(line.startswith(f"a.tar: {kibibytes} KiB in") for line in caplog.messages)
    assert any(digest(CONTENT) in line for line in caplog.messages)


def test_an_empty_file_is_a_file(server: Server, tmp_path: Path) -> None:
    server.add("a.tar", b"")
    assert download(wanted(server, size=0), tmp_path / "a.tar").bytes == 0
    assert left_in(tmp_path) == {"a.tar"}


@pytest.mark.parametrize("validator", ["etag", "modified"])
def test_a_download_that_breaks_off_is_resumed(
    server: Server, file: Served, tmp_path: Path, validator: str
) -> None:
    file.broken_after = [HALF]
    if validator == "modified":
        file.etag, file.modified = 'W/"weak"', "Mon, 12 Jan 2009 10:00:00 GMT"
    download(wanted(server, checksum=digest(CONTENT)), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert server.asked == [("/a.tar", None), ("/a.tar", f"bytes={HALF}-")]


def test_a_later_call_goes_on_where_the_last_one_gave_up(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.broken_after = [HALF, 0, 0, 0]
    refused(
        server,
        tmp_path / "a.tar",
        "the connection broke off",
        f"where {HALF:,} bytes are there",
        "Run again to go on",
    )
    assert left_in(tmp_path) == {"a.tar.part", "a.tar.part.json"}
    server.asked.clear()
    download(wanted(server), tmp_path / "a.tar")
    assert server.asked == [("/a.tar", f"bytes={HALF}-")]
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


def test_a_download_that_gets_further_each_time_is_not_given_up(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.broken_after = [200_000] * 10
    download(wanted(server), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    assert len(server.asked) == 11


def test_a_server_without_ranges_sends_all_of_it_again(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.broken_after, file.ranges = [HALF], False
    download(wanted(server, checksum=digest(CONTENT)), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    file.broken_after = [HALF] * 9
    refused(server, tmp_path / "b.tar", "broke off")


def test_a_server_that_says_nothing_of_versions_is_asked_for_the_whole(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.broken_after, file.etag = [HALF], None
    download(wanted(server), tmp_path / "a.tar")
    assert server.asked == [("/a.tar", None)] * 2
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), HALF - 1], ids=["as long", "shorter"])
def test_a_file_that_changed_in_between_is_taken_anew(
    server: Server, file: Served, tmp_path: Path, size: int
) -> None:
    file.broken_after = [HALF, 0, 0, 0]
    refused(server, tmp_path / "a.tar", "broke off")
    file.content, file.etag = CONTENT[::-1][:size], '"two"'
    download(wanted(server), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT[::-1][:size]


def test_parts_of_different_versions_are_found_out_by_the_checksum(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.broken_after = [HALF, 0, 0, 0]
    refused(server, tmp_path / "a.tar", "broke off")
    file.content = CONTENT[::-1]  # and the server says that nothing changed
    download(wanted(server, checksum=digest(CONTENT[::-1])), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT[::-1]


def test_a_part_that_the_server_has_no_more_of_is_taken_anew(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.broken_after = [HALF, 0, 0, 0]
    refused(server, tmp_path / "a.tar", "broke off")
    file.content = CONTENT[: HALF - 5]
    download(wanted(server), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT[: HALF - 5]


def test_a_part_of_another_address_is_not_continued(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.broken_after = [HALF, 0, 0, 0]
    refused(server, tmp_path / "a.tar", "broke off")
    server.files["/mirror/a.tar"] = Served(CONTENT[::-1])
    download(Wanted(f"{server.url}/mirror/a.tar", "key", "By hand."), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT[::-1]


def test_what_was_complete_when_the_program_was_killed_is_not_downloaded_again(
    server: Server, file: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(module, "digests_of", killed)
        download(wanted(server), tmp_path / "a.tar")
    server.asked.clear()
    download(wanted(server), tmp_path / "a.tar")
    assert server.asked == []
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_an_overloaded_server_is_asked_again(
    server: Server, file: Served, tmp_path: Path, status: int
) -> None:
    file.answers = [status, status]
    download(wanted(server), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
    file.answers = [status] * 9
    refused(server, tmp_path / "b.tar", f"the server answers {status}")


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_server_that_refuses_is_not_asked_again(
    server: Server, file: Served, tmp_path: Path, status: int
) -> None:
    file.answers = [status] * 9
    refused(
        server, tmp_path / "a.tar", f"answers {status}", "datasets.a.downloads[0]", "name a mirror"
    )
    assert len(server.asked) == 1
    assert left_in(tmp_path) == set()


def test_no_server_and_no_address_are_said_to_be_so(tmp_path: Path, server: Server) -> None:
    for url in ("http://127.0.0.1:9/a.tar", "http://[wrong/a.tar"):
        with pytest.raises(UserError, match="cannot be downloaded"):
            download(Wanted(url, "key", "By hand."), tmp_path / "a.tar")


@pytest.mark.parametrize("announced", [-1, None], ids=["announced", "not announced"])
def test_a_wrong_checksum_names_both_and_sets_the_file_aside(
    server: Server, file: Served, tmp_path: Path, announced: int | None
) -> None:
    file.announced = announced
    other = digest(b"another file", "md5")
    words = [digest(CONTENT, "md5"), other, "a.tar.wrong", "datasets.a.downloads[0]", "Run again"]
    refused(server, tmp_path / "a.tar", *words, checksum=other)
    assert left_in(tmp_path) == {"a.tar.wrong"}
    download(wanted(server, checksum=digest(CONTENT)), tmp_path / "a.tar")
    assert left_in(tmp_path) == {"a.tar"}


def test_the_first_digits_of_a_checksum_are_enough(
    server: Server, file: Served, tmp_path: Path
) -> None:
    download(wanted(server, checksum=digest(CONTENT)[:15]), tmp_path / "a.tar")
    refused(server, tmp_path / "b.tar", checksum="sha256:00000000")


def test_a_wrong_size_is_found_before_anything_comes(
    server: Server, file: Served, tmp_path: Path
) -> None:
    words = [f"{len(CONTENT):,} bytes", "expected are 5", "datasets.a.downloads[0]"]
    refused(server, tmp_path / "a.tar", *words, size=5)
    assert left_in(tmp_path) == set()


def test_a_wrong_size_is_found_where_the_server_does_not_say_it(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.announced = None
    refused(server, tmp_path / "a.tar", "expected are 5", "a.tar.wrong", size=5)
    more = len(CONTENT) + 1
    refused(server, tmp_path / "b.tar", f"expected are {more:,}", size=more)


def test_a_server_that_announces_more_than_it_sends_is_not_believed(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.announced, file.ranges = len(CONTENT) + 100, False
    refused(server, tmp_path / "a.tar", "the connection broke off")


def test_an_archive_that_is_called_encoded_stays_an_archive(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.encoding = "gzip"
    download(wanted(server), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


def test_too_little_space_is_said_before_anything_comes(
    server: Server, file: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10})()
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(UserError, match=r"0\.0 GB are free.* data_root"):
        download(wanted(server), tmp_path / "a.tar")
    assert left_in(tmp_path) == set()


def test_a_folder_that_cannot_be_made_is_named(
    server: Server, file: Served, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UserError, match="taken: cannot be written"):
        download(wanted(server), tmp_path / "taken" / "a.tar")


def test_a_broken_note_about_a_part_is_named(server: Server, file: Served, tmp_path: Path) -> None:
    (tmp_path / "a.tar.part").write_bytes(b"beginning")
    (tmp_path / "a.tar.part.json").write_text("{")
    with pytest.raises(UserError, match=r"a\.tar\.part\.json: is no JSON"):
        download(wanted(server), tmp_path / "a.tar")


# How much comes.


@pytest.mark.parametrize("announced", [None, "9" * 5000], ids=["not announced", "absurd"])
def test_no_more_comes_than_was_declared(
    server: Server, file: Served, tmp_path: Path, announced: str | None
) -> None:
    file.announced = announced
    refused(server, tmp_path / "a.tar", "has more bytes, expected are 5", "a.tar.wrong", size=5)
    assert (tmp_path / "a.tar.wrong").stat().st_size <= module.PIECE < len(CONTENT)


def test_an_absurd_size_that_a_header_claims_is_refused_before_anything_comes(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.announced = 2**80
    refused(server, tmp_path / "a.tar", "more than 20 GB", "datasets.a.downloads[0]")
    refused(server, tmp_path / "a.tar", f"has {2**80:,} bytes, expected are 5", size=5)
    assert left_in(tmp_path) == set()
    assert len(server.asked) == 2


@pytest.mark.parametrize("announced", [-1, None], ids=["announced", "not announced"])
def test_a_large_file_must_be_declared(
    server: Server,
    file: Served,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    announced: int | None,
) -> None:
    monkeypatch.setattr(module, "MOST_UNDECLARED", 10**6)
    file.announced = announced
    refused(server, tmp_path / "a.tar", "more than 0.001 GB", "datasets.a.downloads[0]")
    assert left_in(tmp_path) == set()
    download(wanted(server, size=len(CONTENT)), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_taken_anew(
    server: Server, file: Served, tmp_path: Path
) -> None:
    file.broken_after = [HALF, 0, 0, 0]
    refused(server, tmp_path / "a.tar", "broke off", size=len(CONTENT))
    with (tmp_path / "a.tar.part").open("ab") as part:
        part.truncate(len(CONTENT) + 5)
    download(wanted(server, size=len(CONTENT)), tmp_path / "a.tar")
    assert (tmp_path / "a.tar").read_bytes() == CONTENT
