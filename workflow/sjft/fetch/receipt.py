"""What tells a fetched data set from one that is being fetched: a receipt, and a working folder.

All work is done in that folder; nothing lies in its place before everything is complete and
checked. A data set with such a folder is incomplete, whatever else is there.
"""

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from sjft.errors import NotAsWrittenError, UserError
from sjft.settings.base import Settings
from sjft.settings.download import Download
from sjft.storage.files import read_json, write_json

RECEIPT = ".fetched.json"
WORK_FOLDER = ".fetching"


class Fetched(Settings):
    """One downloaded file."""

    url: str  # without its secrets
    name: str  # below the data set's root
    bytes: int
    sha256: str
    checksum: str | None  # what it was checked against
    stays: bool  # or it was an archive, and is gone


class Receipt(Settings):
    """All files that were downloaded, and what they left in the data set's root."""

    downloads: tuple[Fetched, ...] = ()
    contents: tuple[str, ...] = ()

    def has(self, download: Download) -> bool:
        """Whether a configured file is among them, as far as its checksum tells."""
        return any(
            fetched.name == download.name and not _contradicts(fetched, download.checksum)
            for fetched in self.downloads
        )

    def with_more(self, downloads: Sequence[Fetched], contents: Sequence[str]) -> "Receipt":
        """The receipt after another fetch."""
        names = {fetched.name for fetched in downloads}
        kept = [fetched for fetched in self.downloads if fetched.name not in names]
        return Receipt(
            downloads=(*kept, *downloads),
            contents=tuple(sorted({*self.contents, *contents})),
        )


def _contradicts(fetched: Fetched, checksum: str | None) -> bool:
    """Whether a checksum is known not to be the file's; one of another kind cannot be compared."""
    known = {"sha256": fetched.sha256}
    if fetched.checksum is not None:
        algorithm, _, digits = fetched.checksum.partition(":")
        known[algorithm] = digits
    algorithm, _, digits = (checksum or ":").partition(":")
    return known.get(algorithm, digits) != digits


def read_receipt(root: Path) -> Receipt | None:
    """The receipt of a data set, where there is one and what it names is still there."""
    receipt = read_receipt_file(root / RECEIPT)
    if receipt is None or not all((root / name).exists() for name in receipt.contents):
        return None
    return receipt


def read_receipt_file(path: Path) -> Receipt | None:
    """A receipt, or None without one; raises `UserError` for a file that is none."""
    try:
        return Receipt.model_validate(read_json(path)) if path.exists() else None
    except NotAsWrittenError as error:
        raise UserError(f"{path}: is no receipt of a fetched data set. {error}") from None
    except ValidationError as error:
        raise UserError(
            f"{path}: is no receipt of a fetched data set ({str(error).splitlines()[0]}). Remove "
            "it and run again."
        ) from None


def write_receipt_file(path: Path, receipt: Receipt) -> None:
    """Write a receipt, atomically."""
    write_json(path, receipt.model_dump(mode="json"))
