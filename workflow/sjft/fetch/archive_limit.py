"""How much may come out of an archive: what is declared, or a factor of its own size.

An archive of a megabyte can expand to terabytes, to millions of empty files, or to a name without
an end. Images are compressed already: theirs expand to little more than their archive.
"""

import io
from pathlib import Path
from typing import IO

from sjft.errors import UserError

FACTOR = 20
LEAST = 10**9  # bytes that any archive may expand to
BLOCK = 4096  # bytes that a file or a folder takes at least
HEADER = 2**22  # bytes of names and notes before an entry
SHOWN = 80  # characters of a name in a message


def shown(name: str) -> str:
    """A name for a message, cut where it is long."""
    return repr(name if len(name) <= SHOWN else f"{name[:SHOWN]}...")


class ArchiveLimit:
    """Counts what comes out of an archive, and refuses what goes beyond the limit."""

    def __init__(self, archive: Path, declared: int | None = None, key: str | None = None) -> None:
        """``declared`` bytes may come out; ``key`` is where the configuration declares them."""
        self._archive = archive
        self._declared = declared
        self._key = key or "extracted_bytes"
        self.bytes = max(LEAST, FACTOR * archive.stat().st_size) if declared is None else declared
        self._taken = 0

    def take(self, name: str, size: int) -> None:
        """Count an entry of so many bytes; raises `UserError` that names it beyond the limit."""
        self._taken += max(size, BLOCK)
        if size < 0:
            raise self.refused(f"the entry {shown(name)} claims {size:,} bytes")
        if self._taken > self.bytes:
            raise self.refused(f"up to the entry {shown(name)} it expands to {self._taken:,} bytes")

    def refused(self, what: str) -> UserError:
        """The error for an archive that expands too far."""
        why = (
            "declared" if self._declared is not None else f"{FACTOR} times its size, at least 1 GB"
        )
        return UserError(
            f"{self._archive}: {what}; {self.bytes:,} bytes may come out of it ({why}). It is not "
            "extracted. Remove the file and get it from its publisher; or, where it is what you "
            f"want, set `{self._key}` of the configuration."
        )


class LimitedStream(io.RawIOBase):
    """A file, decompressed as it is read, that ends in `UserError` beyond the archive's limit.

    Between entries only `HEADER` bytes can be read: names and notes of any length would be held
    in memory.
    """

    def __init__(self, stream: IO[bytes], limit: ArchiveLimit) -> None:
        """Nothing is read yet."""
        super().__init__()
        self._stream = stream
        self._limit = limit
        # Every entry has a header of 512 bytes, and its content is filled up to as many.
        self._most = 2 * limit.bytes
        self._header: int | None = HEADER
        self._entry = ""  # the last one

    def at_header(self) -> None:
        """The next bytes are those of a header."""
        self._header = HEADER

    def at_content(self, name: str | None) -> None:
        """The next bytes are an entry's content, or what follows the last one."""
        self._header, self._entry = None, self._entry if name is None else name

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes at most; all that may come where that is not said."""
        most = self._most - self.tell() if self._header is None else self._header
        if self._header is not None and size is not None and size > most:
            raise self._limit.refused(f"{self._where} a header claims {size:,} bytes")
        found = self._stream.read(most + 1 if size is None or size < 0 else min(size, most + 1))
        if len(found) > most:
            what = f"it goes on beyond byte {self._most:,}"
            if self._header is not None:
                what = f"a header has more than {HEADER:,} bytes"
            raise self._limit.refused(f"{self._where} {what}")
        if self._header is not None:
            self._header -= len(found)
        return found

    @property
    def _where(self) -> str:
        return f"behind the entry {shown(self._entry)}" if self._entry else "at its beginning"

    def seek(self, place: int, whence: int = 0, /) -> int:
        """Go to a place; what lies before is decompressed on the way."""
        if place > self._most:
            raise self._limit.refused(f"{self._where} it claims to go on at byte {place:,}")
        return self._stream.seek(place, whence)

    def tell(self) -> int:
        """The place of the next byte."""
        return self._stream.tell()

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Close the file, too."""
        self._stream.close()
        super().close()
