"""A disk that fails while a sealed file is read is named like any other fault."""

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sjft.errors import UserError
from sjft.storage.seals import checksum_of_file, facts_of, is_sealed, require_sealed, seal


class FailingFile(io.FileIO):
    """Fails at one of its calls, counted from 0, as a bad sector or a lost mount does."""

    calls = 0
    at: int | None = None

    def _call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        FailingFile.calls += 1
        if FailingFile.calls - 1 == FailingFile.at:
            raise OSError(errno.EIO, "Input/output error")
        return function(*arguments)

    def read(self, *arguments: Any) -> bytes:  # type: ignore[override]
        return bytes(self._call(super().read, *arguments))

    def readinto(self, *arguments: Any) -> int:  # type: ignore[override]
        return int(self._call(super().readinto, *arguments))

    def seek(self, *arguments: Any) -> int:
        return int(self._call(super().seek, *arguments))


@pytest.mark.parametrize("read", [require_sealed, checksum_of_file, facts_of, is_sealed])
def test_a_disk_that_fails_at_any_call_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    path = tmp_path / "file"
    with path.open("w+b") as file:
        file.write(b"content")
        seal(file, {"images": 3})
    monkeypatch.setattr(Path, "open", lambda path, *_, **__: FailingFile(path, "rb"))
    monkeypatch.setattr(FailingFile, "calls", 0)
    read(path)
    number = FailingFile.calls
    assert number > 1
    for at in range(number):
        monkeypatch.setattr(FailingFile, "calls", 0)
        monkeypatch.setattr(FailingFile, "at", at)
        with pytest.raises(UserError, match=r"file: cannot be read \(Input/output error\)\.$"):
            read(path)
