"""A file that is being downloaded: `NAME.part`, and `NAME.part.json` about what it is part of."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sjft import __version__
from sjft.errors import NotAsWrittenError
from sjft.settings.addresses import without_secrets
from sjft.storage.files import digest_of_text, read_json, write_json


class PartialFile:
    """What has come so far of a file that will lie at ``path``."""

    def __init__(self, path: Path) -> None:
        """Look at what an earlier attempt left; nothing is written yet."""
        self.name = path.name
        self._final = path
        self.path = path.with_name(f"{path.name}.part")
        self._about = path.with_name(f"{path.name}.part.json")
        self._wrong = path.with_name(f"{path.name}.wrong")

    @property
    def size(self) -> int:
        """Bytes that are here."""
        return self.path.stat().st_size if self.path.is_file() else 0

    def is_complete(self, url: str) -> bool:
        """Whether all that the server announced for this address is here."""
        return self.size > 0 and self._known(url).get("total") == self.size

    def headers_to_continue(self, url: str) -> dict[str, str]:
        """Headers that ask for the rest; for the whole where the rest may be of another file."""
        # Compressed on its way, a file could not be continued.
        headers = {"Accept-Encoding": "identity", "User-Agent": f"sjft/{__version__}"}
        validator = self._known(url).get("validator")
        if self.size and validator:
            headers |= {"Range": f"bytes={self.size}-", "If-Range": str(validator)}
        return headers

    def begin(self, url: str, validator: str | None, total: int | None) -> None:
        """Note what the server is going to send."""
        about = {"address": digest_of_text(url), "validator": validator, "total": total}
        write_json(self._about, {"url": without_secrets(url), **about})

    def write(self, pieces: Iterable[bytes], start: int, most: int) -> None:
        """Write pieces from byte ``start`` on: the end of what is here, or 0 to begin anew.

        No more are taken when the file has more than ``most`` bytes.
        """
        with self.path.open("ab" if start else "wb") as file:
            for piece in pieces:
                file.write(piece)
                file.flush()  # a killed process leaves what came
                start += len(piece)
                if start > most:
                    break

    def finish(self) -> None:
        """Give the file its name."""
        self.path.replace(self._final)
        for left_over in (self._about, self._wrong):
            left_over.unlink(missing_ok=True)

    def set_aside(self) -> Path:
        """Keep a file with the wrong content out of the way; returns where."""
        self.path.replace(self._wrong)
        self._about.unlink(missing_ok=True)
        return self._wrong

    def discard(self) -> None:
        """Begin anew."""
        for file in (self.path, self._about):
            file.unlink(missing_ok=True)

    def _known(self, url: str) -> dict[str, Any]:
        """What was noted, where it was noted for this address."""
        try:
            about = read_json(self._about) if self._about.exists() else {}
        except NotAsWrittenError as error:
            raise NotAsWrittenError(self._about, error.reason) from None
        return about if about.get("address") == digest_of_text(url) else {}
