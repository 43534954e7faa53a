"""Downloads: resumed where they broke off, and checked before they get their name.

A file grows beside its place as `NAME.part`, with `NAME.part.json` about what the server sends.
"""

import logging
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests
from urllib3.exceptions import HTTPError, ProtocolError

from sjft.errors import UserError
from sjft.fetch.partial import PartialFile
from sjft.fetch.response import PIECE, Answer, pieces_of
from sjft.progress import progress
from sjft.settings.addresses import without_secrets
from sjft.storage.checksums import contradiction, digests_of

LOG = logging.getLogger(__name__)
PAUSES = (1.0, 4.0, 16.0)  # seconds before another attempt, while none gets further
TIMEOUT = (30, 120)  # seconds without a connection, and without a byte
MOST_UNDECLARED = 20_000_000_000  # bytes of a file whose size nobody has declared
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers that may be others in a while


@dataclass(frozen=True)
class Wanted:
    """A file to download, and what is known of it before it comes.

    ``url`` may hold a password or a token; ``shown`` is what messages, logs and files have.
    """

    url: str = field(repr=False)
    key: str  # where the configuration speaks of it
    by_hand: str  # what helps where no download does: whole sentences
    bytes: int | None = None
    checksum: str | None = None  # the beginning of the digits will do
    size_key: str | None = None  # where the configuration may declare the size

    @property
    def shown(self) -> str:
        """The address without its secrets."""
        return without_secrets(self.url)

    @property
    def most(self) -> int:
        """Bytes, at most, that are taken."""
        return MOST_UNDECLARED if self.bytes is None else self.bytes


@dataclass(frozen=True)
class Received:
    """A complete file that is what was expected."""

    bytes: int
    sha256: str


class _BrokenOffError(Exception):
    """An attempt that another one may continue."""


def download(wanted: Wanted, path: Path) -> Received:
    """Download a file to ``path``; what an earlier call left unfinished is continued.

    Raises `UserError` that names file and URL: for a server that refuses, or breaks off again and
    again without getting further; for too little space; for more bytes than were declared, or
    than `MOST_UNDECLARED`, of which no more are taken; and for a wrong size or checksum. A file
    with the wrong content is set aside as `NAME.wrong`.
    """
    part = PartialFile(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return _download(wanted, part)
    except OSError as error:
        raise UserError(
            f"{error.filename or part.path}: cannot be written ({error.strerror}). Make room or "
            "choose another folder, and run again: the download goes on from there."
        ) from None


def _download(wanted: Wanted, part: PartialFile) -> Received:
    resumed = _complete(wanted, part)
    wrong, received = _check(wanted, part.path)
    if wrong and resumed:
        LOG.warning("%s %s: its parts may be of different versions. Anew", part.path, wrong)
        part.discard()
        _complete(wanted, part)
        wrong, received = _check(wanted, part.path)
    if wrong:
        raise UserError(
            f"{wanted.shown} {wrong}. What came was set aside as {part.set_aside()}: look whether "
            "it is an error page. Run again; where the publisher has changed the file, correct "
            f"`{wanted.key}` of the configuration. {wanted.by_hand}"
        )
    part.finish()
    LOG.info("%s: %d bytes, sha256:%s", wanted.shown, received.bytes, received.sha256)
    return received


def _check(wanted: Wanted, path: Path) -> tuple[str | None, Received]:
    size, digests = path.stat().st_size, digests_of(path, wanted.checksum)
    wrong = contradiction(size, digests, wanted.bytes, wanted.checksum)
    if wanted.bytes is not None and size > wanted.bytes:  # its end was not waited for
        wrong = f"has more bytes, expected are {wanted.bytes:,}"
    return wrong, Received(size, digests["sha256"])


def _complete(wanted: Wanted, part: PartialFile) -> bool:
    """Receive until the end, in several attempts; says whether the last continued another's."""
    failed = furthest = 0
    while True:
        try:
            return _receive(wanted, part)
        except (_BrokenOffError, requests.RequestException, HTTPError) as error:
            reason = without_secrets(_in_words(error), wanted.url)
            if part.size > furthest:
                failed, furthest = 0, part.size
            # What is a ValueError too is an address that no server is asked for.
            if failed == len(PAUSES) or isinstance(error, ValueError):
                there = f", where {part.size:,} bytes are there already" if part.size else ""
                raise UserError(
                    f"{wanted.shown} cannot be downloaded: {reason}. Run again to go on{there}. "
                    f"{wanted.by_hand}"
                ) from None
            LOG.warning("%s: %s; again in %g s", wanted.shown, reason, PAUSES[failed])
            time.sleep(PAUSES[failed])
            failed += 1


def _in_words(error: Exception) -> str:
    if isinstance(error, ProtocolError):
        return "the connection broke off"
    # What urllib3 met, without what requests says around it.
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return " ".join(str(cause or error).split()) or type(error).__name__


def _receive(wanted: Wanted, part: PartialFile) -> bool:
    """One attempt: ask for what is missing and write it; says whether it continued another's."""
    if part.is_complete(wanted.url):
        return True
    ask = part.headers_to_continue(wanted.url)
    with _ask(wanted.url, ask) as response:
        answer = Answer.of(response)
        _refuse_errors(wanted, answer, part)
        _refuse_size(wanted, answer.total)
        if (answer.total or 0) > wanted.most:
            _refuse_undeclared(wanted, part)
        total = wanted.bytes if answer.total is None else answer.total
        left = None if total is None else total - answer.start
        require_space(part.path.parent, left or 0)
        part.begin(wanted.url, answer.validator, total)
        what = f"{part.name}, from byte {answer.start:,} on" if answer.start else part.name
        # Its units are KiB: -(-x // y) rounds up.
        pieces = progress(
            pieces_of(response),
            total=None if left is None else -(-left // 1024),
            what=what,
            unit="KiB",
            per_item=PIECE // 1024,
        )
        part.write(pieces, answer.start, wanted.most)
    if part.size > wanted.most:
        _refuse_undeclared(wanted, part)
        return answer.start > 0
    if total is not None and part.size < total:
        raise _BrokenOffError(f"the connection broke off before byte {total:,}")
    return answer.start > 0


def _ask(url: str, headers: dict[str, str]) -> requests.Response:
    try:
        return requests.get(url, stream=True, headers=headers, timeout=TIMEOUT)
    except requests.RequestException:
        raise
    except (ValueError, TypeError) as error:
        # A server that moves a file to no address, or a proxy's address without a host.
        raise requests.exceptions.InvalidURL(
            f"an address on the way to it, the server's or a proxy's, is none ({error})"
        ) from None


def _refuse_errors(wanted: Wanted, answer: Answer, part: PartialFile) -> None:
    said = without_secrets(f"the server answers {answer.status} {answer.reason}", wanted.url)
    if answer.status in AGAIN:
        raise _BrokenOffError(said)
    # No such part, or another one than was asked for: the file is another one by now.
    if answer.start not in (0, part.size):
        part.discard()
        _refuse_size(wanted, answer.total)
        raise _BrokenOffError(said)
    if answer.status not in (200, 206):
        raise UserError(
            f"{wanted.shown}: {said}. Correct the address, `{wanted.key}` of the configuration, or "
            f"name a mirror there. {wanted.by_hand}"
        )


def _refuse_size(wanted: Wanted, total: int | None) -> None:
    if wanted.bytes is not None and total is not None and total != wanted.bytes:
        raise UserError(
            f"{wanted.shown}: the server's file has {total:,} bytes, expected are "
            f"{wanted.bytes:,}. The address leads elsewhere, or the publisher has changed the "
            f"file: correct `{wanted.key}` of the configuration. {wanted.by_hand}"
        )


def _refuse_undeclared(wanted: Wanted, part: PartialFile) -> None:
    """Raise `UserError` for a file that is too large to be taken without a declared size."""
    if wanted.bytes is not None:
        return  # what came has the wrong size, which is said with the first of it set aside
    part.discard()
    declare = "" if wanted.size_key is None else f" Where that is right, set `{wanted.size_key}`."
    raise UserError(
        f"{wanted.shown}: the file has more than {MOST_UNDECLARED / 1e9:g} GB, which are taken of "
        f"a file without a declared size. The address may lead elsewhere: look at `{wanted.key}` "
        f"of the configuration.{declare} {wanted.by_hand}"
    )


def require_space(folder: Path, needed: int) -> None:
    """Raise `UserError` where a folder's disk has fewer than ``needed`` bytes left."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: {needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free. Make "
            "room, or set data_root to a folder on another disk."
        )
