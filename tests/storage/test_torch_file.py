"""Files of torch: which of them are taken for the program's own, and of which version."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch

from sjft.errors import NotAsWrittenError
from sjft.storage.seals import seal_zip
from sjft.storage.torch_file import read_torch, require_whole, write_torch

KIND: dict[str, Any] = {"kind": "sjft-thing", "version": 3, "name": "thing"}
CONTENT = {"format": "sjft-thing", "format_version": 3, "value": 7}


def reason(path: Path, **options: Any) -> str:
    with pytest.raises(NotAsWrittenError) as error:
        read_torch(path, **KIND, **options)
    return error.value.reason


def unsealed(path: Path, content: object) -> None:
    """As torch alone writes it."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    path.write_bytes(buffer.getvalue())


def test_what_was_written_is_read(tmp_path: Path) -> None:
    write_torch(tmp_path / "a.pt", CONTENT)
    assert read_torch(tmp_path / "a.pt", **KIND) == CONTENT
    assert read_torch(tmp_path / "a.pt", **KIND, unsealed_version=2) == CONTENT


@pytest.mark.parametrize("content", [[1, 2], {"value": 7}, CONTENT | {"format": "sjft-other"}])
def test_other_content_is_refused_by_its_name(tmp_path: Path, content: object) -> None:
    write_torch(tmp_path / "a.pt", content)
    assert reason(tmp_path / "a.pt") == "is no thing"


def test_other_versions_are_refused_with_those_that_are_read(tmp_path: Path) -> None:
    write_torch(tmp_path / "a.pt", CONTENT | {"format_version": 4})
    assert reason(tmp_path / "a.pt") == "is of version 4, this program reads 3"
    with_checksum = "is of version 4, with a checksum; this program reads 2 without and 3 with one"
    assert reason(tmp_path / "a.pt", unsealed_version=2) == with_checksum
    write_torch(tmp_path / "a.pt", {"format": "sjft-thing"})
    assert reason(tmp_path / "a.pt") == "is of version None, this program reads 3"


def test_a_file_without_a_checksum_must_be_of_a_version_that_had_none(tmp_path: Path) -> None:
    path, old = tmp_path / "a.pt", CONTENT | {"format_version": 2}
    unsealed(path, old)
    assert read_torch(path, **KIND, unsealed_version=2) == old
    assert "checksum" in reason(path)
    unsealed(path, CONTENT)
    without = "is of version 3, without a checksum; this program reads 2 without and 3 with one"
    assert reason(path, unsealed_version=2) == without
    write_torch(path, old)
    assert reason(path, unsealed_version=2).startswith("is of version 2, with a checksum")
    path.write_bytes(b"text")
    reason(path, unsealed_version=2)


def test_compressed_members_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.pt", tmp_path / "b.pt"
    unsealed(plain, CONTENT | {"format_version": 2, "value": torch.zeros(10**7)})
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    wanted = "compressed members"
    assert wanted in reason(packed, unsealed_version=2)
    with packed.open("r+b") as file:
        seal_zip(file)
    assert wanted in reason(packed)
    with pytest.raises(NotAsWrittenError, match=wanted):
        require_whole(packed)
