"""Files of torch: written whole with a checksum, and read only where their bytes are known to hold.

torch itself compares no checksum: a flipped bit in a file is another weight.
"""

import re
import zipfile
import zlib
from pathlib import Path
from pickle import UnpicklingError
from struct import error as StructError
from typing import Any

import torch

from sjft.errors import NotAsWrittenError, UserError
from sjft.storage.checksums import contradiction, digests_of
from sjft.storage.files import digest_file, require_digest_beside, written_beside
from sjft.storage.seals import NOT_SEALED, Output, is_sealed, require_sealed, seal_zip

# What torch.load raises on bytes that are no file of its own, or only the beginning of one.
LOADING_ERRORS = (
    *(OSError, RuntimeError, UnpicklingError, EOFError, ValueError),
    *(LookupError, TypeError, AttributeError, StructError),
)
# What `zipfile` raises on a file that is damaged.
ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
_AT_A_TIME = 2**20
_OF_PROGRAMS = 2**24


def write_torch(path: Path, content: object) -> None:
    """Write tensors and plain values, atomically, so that `torch.load` and `read_torch` read them.

    Raises `UserError` where the disk is full or the folder is read-only.
    """
    with written_beside(path) as beside, Output(beside, "w+") as output:
        # Given a path, torch writes that name, a temporary one here, into the file.
        torch.save(content, output)
        output.require_success(path)
        seal_zip(output)
        output.require_success(path)


def read_torch(
    path: Path, *, kind: str, version: int, name: str, unsealed_version: int | None = None
) -> dict[str, Any]:
    """Read what `write_torch` wrote, on the CPU: a dictionary of a format and a version.

    These are its values ``format``, the ``kind``, and ``format_version``; ``name`` is what users
    call such a file. One of ``unsealed_version`` has no checksum of the whole file: each member's
    CRC-32 is checked instead. Raises `NotAsWrittenError` for any other file, and `UserError` for
    none.
    """
    sealed = unsealed_version is None or is_sealed(path)
    _require_bytes(path, sealed=sealed)
    content = _load(path)
    if not isinstance(content, dict) or content.get("format") != kind:
        raise NotAsWrittenError(path, f"is no {name}")
    found = content.get("format_version")
    if found != (version if sealed else unsealed_version):
        raise NotAsWrittenError(path, _wrong_version(found, version, sealed, unsealed_version))
    return content


def read_torch_of_any_kind(path: Path) -> Any:
    """Whatever torch wrote, by its checksum, or without one by its members': to tell what it is.

    Raises `NotAsWrittenError` for a file that torch did not write, and `UserError` for none.
    """
    _require_bytes(path, sealed=is_sealed(path))
    return _load(path)


def _require_bytes(path: Path, *, sealed: bool) -> None:
    if sealed:
        require_sealed(path)
    elif zipfile.is_zipfile(path):
        _check_members(path)
    else:
        raise NotAsWrittenError(path, NOT_SEALED)


def _wrong_version(found: object, version: int, sealed: bool, unsealed: int | None) -> str:
    if unsealed is None:
        return f"is of version {found}, this program reads {version}"
    return (
        f"is of version {found}, {'with' if sealed else 'without'} a checksum; this program reads "
        f"{unsealed} without and {version} with one"
    )


def require_whole(path: Path) -> None:
    """Hold a file of weights, which another program wrote, to all that is known of its content.

    That is a digest beside it, as `fetch_weights` leaves one; the beginning of a SHA-256 at the end
    of its name, as torchvision names all that it publishes; and the CRC-32 of each member, which
    files of before torch 1.6 have not. Raises `NotAsWrittenError` where one does not hold.
    """
    if path.is_file() and digest_file(path).exists():
        require_digest_beside(path)
    checksum = checksum_in(path.name)
    # Eight digits alone are more likely a date.
    if path.is_file() and checksum and not checksum.removeprefix("sha256:").isdigit():
        wrong = contradiction(path.stat().st_size, digests_of(path, checksum), None, checksum)
        if wrong:
            raise NotAsWrittenError(
                path,
                f"{wrong} by its name: it is damaged, or its name does not end with a checksum",
                "Get it anew, or give it another name.",
            )
    if zipfile.is_zipfile(path):
        _check_members(path)


def checksum_in(name: str) -> str | None:
    """The beginning of the SHA-256 that a published name ends with, for `contradiction`."""
    digits = re.search(r"-([0-9a-f]{8,})\.\w+$", name)
    return f"sha256:{digits[1]}" if digits else None


def _load(path: Path) -> Any:
    if zipfile.is_zipfile(path):
        _require_stored(path)
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except LOADING_ERRORS as error:
        raise NotAsWrittenError(
            path, f"is no file that torch reads ({type(error).__name__})"
        ) from None


def _require_stored(path: Path) -> None:
    """Raise `NotAsWrittenError` for a file that torch would unpack to far more than its own size.

    It stores tensors as they are; programs (TorchScript) alone it compresses, which are small.
    """
    try:
        with zipfile.ZipFile(path) as file:
            packed = [m for m in file.infolist() if m.compress_type != zipfile.ZIP_STORED]
    except ZIP_ERRORS as error:
        raise NotAsWrittenError(path, f"is damaged ({error})") from None
    unpacked = sum(member.file_size for member in packed)
    if unpacked > path.stat().st_size + _OF_PROGRAMS:
        raise NotAsWrittenError(
            path,
            f"holds compressed members ({packed[0].filename}), {unpacked:,} bytes unpacked, as "
            "torch writes none",
            "Get the file as torch saved it, or load it and save it again with `torch.save`.",
        )


def _check_members(path: Path) -> None:
    """Raise `NotAsWrittenError` where the content of a zip file's member is not what it was."""
    _require_stored(path)
    try:
        with zipfile.ZipFile(path) as file:
            for member in file.infolist():
                with file.open(member) as content:
                    while content.read(_AT_A_TIME):
                        pass  # at its end the CRC-32 is compared
    except ZIP_ERRORS as error:
        raise NotAsWrittenError(path, f"is damaged ({error})") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error}).") from None
