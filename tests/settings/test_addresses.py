"""Addresses without their secrets."""

import pytest

from sjft.errors import UserError
from sjft.settings.addresses import without_secrets
from sjft.settings.config import read_configuration


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://a.org/x.tar", "http://a.org/x.tar"),
        ("(see https://a.org:8080/x/).", "(see https://a.org:8080/x/)."),
        ("at http://a.org:80. Then", "at http://a.org:80. Then"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://me@a.org/x", "https://***@a.org/x"),
        ("HTTPS://me:pw@a.org/x", "HTTPS://***@a.org/x"),
        ("https://me:p@w@a.org/x", "https://***@a.org/x"),
        ("https://me:p/w@a.org/x", "https://***a.org/x"),
        ("ftp://me:p'w@a.org/x", "ftp://***@a.org/x"),
        ("http://a.org/x?key=s&n=1 then", "http://a.org/x?key=***&n=*** then"),
        ("http://a.org/x?key=s'x)", "http://a.org/x?key=***"),
        ("http://a.org/x?secret", "http://a.org/x?***"),
        ("http://a.org/x;sid=secret?a=b", "http://a.org/x;sid=***?a=***"),
        ("http://a.org/x#secret", "http://a.org/x"),
        ("http://a.org?key=s", "http://a.org?key=***"),
        ("images/what?x=1.jpg is bad", "images/what?x=1.jpg is bad"),
    ],
)
def test_an_address_is_shown_without_its_secrets(text: str, shown: str) -> None:
    assert without_secrets(text) == shown


def test_what_is_known_of_an_address_is_hidden_wherever_it_stands() -> None:
    known = "http://arthur:p%40ss@a.org/x?token=to%2Fken&n=1"
    text = "arthur, p@ss, p%40ss, to/ken and url: /x?token=other&n=1 are 1"
    assert without_secrets(text, known) == "***, ***, ***, *** and url: /x?token=***&n=*** are 1"


@pytest.mark.parametrize(
    "download",
    [
        {"url": "ftp://arthur:pass-word@a.org/x?token=to-ken"},
        {"url": "http://arthur:pass-word@a.org/?token=to-ken"},
        "http://arthur:pass-word@a.org/x?token=to-ken",
        {"url": ["http://arthur:pass-word@a.org/x?token=to-ken"]},
    ],
    ids=str,
)
def test_a_refused_configuration_keeps_its_secrets(download: object) -> None:
    entry = {"reader": "imagenet", "root": "x", "downloads": [download]}
    sections = {"banks": {}, "retrievals": {}, "experiments": {}}
    with pytest.raises(UserError, match=r"datasets\.x\.downloads\.0") as error:
        read_configuration({"datasets": {"x": entry}, **sections})
    for secret in ("arthur", "pass-word", "to-ken"):
        assert secret not in str(error.value)
