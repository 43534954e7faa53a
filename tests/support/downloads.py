"""A file that is downloaded, or refused."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from server import Server

from sjft.errors import UserError
from sjft.fetch.download import Wanted, download

CONTENT = np.random.default_rng(0).bytes(2**21 + 12345)
HALF = 2**20 + 777


def wanted(server: Server, *, size: int | None = None, checksum: str | None = None) -> Wanted:
    return Wanted(f"{server.url}/a.tar", "datasets.a.downloads[0]", "Or by hand.", size, checksum)


def digest(content: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def refused(server: Server, path: Path, *words: str, **known: object) -> None:
    with pytest.raises(UserError) as error:
        download(wanted(server, **known), path)  # type: ignore[arg-type]
    for word in (f"{server.url}/a.tar", "Or by hand.", *words):
        assert word in str(error.value)
    assert not path.exists()


def left_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}
