"""Checksums as publishers give them: `sha256:`, `sha1:` or `md5:`, and hexadecimal digits."""

import hashlib
from pathlib import Path

from sjft.errors import UserError

BYTES_AT_A_TIME = 2**20


def digests_of(path: Path, checksum: str | None) -> dict[str, str]:
    """A file's digests by algorithm: SHA-256, and the one that ``checksum`` is of."""
    wanted = {"sha256"} if checksum is None else {"sha256", checksum.partition(":")[0]}
    sums = {name: hashlib.new(name, usedforsecurity=False) for name in sorted(wanted)}
    try:
        with path.open("rb") as file:
            while piece := file.read(BYTES_AT_A_TIME):
                for each in sums.values():
                    each.update(piece)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}).") from None
    return {name: each.hexdigest() for name, each in sums.items()}


def contradiction(
    size: int, digests: dict[str, str], expected_size: int | None, checksum: str | None
) -> str | None:
    """How a file differs from what is expected of it, in words; None where it does not.

    A checksum's digits may be the first ones alone, as in the names of torchvision's weights.
    """
    if expected_size is not None and size != expected_size:
        return f"has {size:,} bytes, expected are {expected_size:,}"
    algorithm, _, digits = (checksum or ":").partition(":")
    if checksum is not None and not digests[algorithm].startswith(digits):
        return f"has the checksum {algorithm}:{digests[algorithm]}, expected is {checksum}"
    return None
