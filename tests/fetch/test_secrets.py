"""Passwords, tokens and signatures of addresses stand in no message and no file."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest
from downloads import HALF, digest, refused, wanted
from server import Served, Server

from sjft.errors import UserError
from sjft.fetch import download as module
from sjft.fetch.download import Wanted, download

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
