"""Addresses as they may be shown: without user names, passwords, and what their queries say.

Publishers give out addresses with a token or a signature in them. Whatever leaves the program, a
message, a log or a file, has them from here.
"""

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote, urlsplit

HIDDEN = "***"
# Up to a blank or a double quote: what is hidden may hold any other character.
ADDRESS = re.compile(r"""([a-z][a-z0-9+.-]*://)([^\s"<>/?#]*)([^\s"<>]*)""", re.IGNORECASE)
# A path with its query, as an error of a connection quotes it.
QUERY = re.compile(r"""(?<=/)([^\s"<>?]*)(\?[^\s"<>]+)""")
VALUE = re.compile(r"([?&;][^=&;?#]*=)[^&;#]*")
HOST = re.compile(r"(\[[^\]]*\]|[^:]*)(:\d*)?\W*$")
FEWEST = 4  # characters of a secret that is looked for by itself: fewer are part of any text
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")


def without_secrets(text: str, *addresses: str) -> str:
    """A text in which no address has a user, a password, or a value in its query.

    What ``addresses``, and the proxies of the environment, hold of these is hidden wherever it
    stands in the text.
    """
    for secret in sorted(_secrets(*addresses, *_proxies()), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = ADDRESS.sub(lambda found: found[1] + _shown(found[2], found[3]), text)
    return QUERY.sub(lambda found: found[1] + _path(found[2]), text) if addresses else text


def _shown(authority: str, rest: str) -> str:
    user, at, host = authority.rpartition("@")
    if not HOST.match(host):
        # A port that is none is the beginning of a password with a slash in it.
        return HIDDEN + _path(rest.rpartition("@")[2])
    return (HIDDEN + at if user else "") + host + _path(rest)


def _path(rest: str) -> str:
    before, sign, query = rest.partition("?")
    before = VALUE.sub(rf"\1{HIDDEN}", before.partition("#")[0])
    if not sign:
        return before
    fields = VALUE.sub(rf"\1{HIDDEN}", sign + query.partition("#")[0])
    return before + (fields if "=" in fields else sign + HIDDEN)


def _secrets(*addresses: str) -> Iterator[str]:
    """What must not be seen of an address, as it stands there and as it is sent."""
    for address in addresses:
        try:
            parts = urlsplit(address)
        except ValueError:
            continue
        user, at, _ = parts.netloc.rpartition("@")
        found = [user, *user.split(":", 1)] if at else []
        found += [field.partition("=")[2] or field for field in parts.query.split("&")]
        found.append(parts.fragment)
        for secret in found:
            yield from {s for s in (secret, unquote(secret)) if len(s) >= FEWEST}


def _proxies() -> list[str]:
    names = [name for proxy in PROXIES for name in (proxy, proxy.upper())]
    return [os.environ[name] for name in names if name in os.environ]
