"""Downloads from a server on this machine, with the faults that servers have."""

import dataclasses
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from server import Served, Server, running_server

from sjft.errors import UserError
from sjft.fetch import download as module
from sjft.fetch.download import Wanted, download

CONTENT = np.random.default_rng(0).bytes(2**21 + 12345)
HALF = 2**20 + 777


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(module.time, "sleep", lambda _: None)
    with running_server() as running:
        yield running


@pytest.fixture
def file(server: Server) -> Served:
    return server.add("a.tar", CONTENT)


def wanted(server: Server, *, size: int | None = None, checksum: str | None = None) -> Wanted:
    return Wanted(f"{server.url}/a.tar", "datasets.a.downloads[0]", "Or by hand.", size, checksum)


def digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def refused(server: Server, path: Path, *words: str, **known: object) -> None:
    with pytest.raises(UserError) as error:
        download(wanted(server, **known), path)  # type: ignore[arg-type]
    for word in (f"{server.url}/a.tar", "Or by hand.", *words):
        assert word in str(error.value)
    assert not path.exists()


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


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


# What must not be seen.

SECRETS = ("arthur", "pass-word", "p%40ss", "to-ken", "sig%2Fna", "sig/na", "other-signature")


def secret(url: str) -> str:
    """The address with a user, a password, a token and a signature."""
    return (
        url.replace("://", "://arthur:pass-wordp%40ss@") + "?token=to-ken&X-Amz-Sig=sig%2Fna#to-ken"
    )


FAULTS: dict[str, dict[str, object]] = {
    "none": {},
    "refused": {"answers": [403]},
    "overloaded": {"answers": [503] * 9},
    "broken off": {"broken_after": [9] + [0] * 9},
    "moved": {"moved_to": "http://127.0.0.1:9/b.tar?X-Amz-Sig=other-signature"},
    "moved to nowhere": {"moved_to": "http://arthur:pass-word@[wrong/?X-Amz-Sig=other-signature"},
    "moved in a circle": {"moved_to": "/a.tar?X-Amz-Sig=other-signature"},
}


@pytest.mark.parametrize("known", [{}, {"size": 5}, {"checksum": digest(b"")}], ids=str)
@pytest.mark.parametrize("fault", FAULTS)
def test_secrets_of_an_address_are_in_no_message_and_no_file(
    server: Server,
    file: Served,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    known: dict[str, Any],
) -> None:
    caplog.set_level(logging.INFO)
    for name, value in FAULTS[fault].items():
        setattr(file, name, value)
    of = wanted(server, **known)
    try:
        download(dataclasses.replace(of, url=secret(of.url)), tmp_path / "a.tar")
        said = ""
    except UserError as error:
        said = str(error)
        assert "http://***@127.0.0.1" in said
        assert "/a.tar?token=***&X-Amz-Sig=***" in said
    notes = [path.read_text() for path in tmp_path.glob("*.json")]
    for text in (said, caplog.text, *notes):
        assert not [word for word in SECRETS if word in text], text
    assert said or fault == "none"


@pytest.mark.parametrize(
    "proxy",
    ["http://arthur:pass-word@127.0.0.1:9", "http://arthur:pass-word@", "arthur:pass-word@[x:9"],
)
def test_a_proxys_password_is_in_no_message(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    proxy: str,
) -> None:
    monkeypatch.setattr(module, "PAUSES", ())
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(
        UserError, match=r"http://example\.org/a\.tar cannot be downloaded"
    ) as error:
        download(Wanted("http://example.org/a.tar", "key", "By hand."), tmp_path / "a.tar")
    for text in (str(error.value), caplog.text):
        assert not [word for word in SECRETS if word in text], text


def test_a_renewed_token_is_another_address(server: Server, file: Served, tmp_path: Path) -> None:
    file.broken_after = [HALF, 0, 0, 0]
    refused(server, tmp_path / "a.tar", "broke off")
    server.asked.clear()
    again = dataclasses.replace(wanted(server), url=f"{server.url}/a.tar?token=new")
    download(again, tmp_path / "a.tar")
    assert server.asked == [("/a.tar", None)]
