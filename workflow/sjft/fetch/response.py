"""What a server says about the file that it sends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import requests
from urllib3.exceptions import HTTPError

PIECE = 2**20  # bytes


@dataclass(frozen=True)
class Answer:
    """Status and headers, as far as they matter."""

    status: int
    reason: str
    start: int  # the first byte that is sent; -1 where that cannot be told
    total: int | None  # bytes of the whole file
    validator: str | None  # changes with the file: its strong ETag, or its time

    @classmethod
    def of(cls, response: requests.Response) -> Self:
        """Read the headers; a size that is missing or malformed is None."""
        headers = response.headers
        start, total = 0, _number(headers.get("Content-Length"))
        if response.status_code in (206, 416):
            sent = re.fullmatch(
                r"bytes (?:([0-9]{1,18})-[0-9]+|\*)/([0-9]+|\*)", headers.get("Content-Range", "")
            )
            start = int(sent[1]) if sent and sent[1] else -1
            total = _number(sent[2]) if sent else None
        etag = headers.get("ETag", "")
        # A weak ETag does not promise the same bytes.
        strong = etag if etag and not etag.startswith("W/") else None
        validator = strong or headers.get("Last-Modified")
        return cls(response.status_code, response.reason or "", start, total, validator)


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,40}", text) else None


def pieces_of(response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it is sent, in pieces of `PIECE` bytes but for the last.

    Undecoded: an archive that the server calls `Content-Encoding: gzip` stays one. What came before
    a connection broke is yielded before the error is raised.
    """
    held = bytearray()
    try:
        for chunk in response.raw.stream(PIECE, decode_content=False):
            held += chunk
            while len(held) >= PIECE:
                yield bytes(held[:PIECE])
                del held[:PIECE]
    except HTTPError:
        yield bytes(held)
        raise
    yield bytes(held)
