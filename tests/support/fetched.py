"""A data set fetched from an entry, refused, or left incomplete."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from sjft.errors import UserError
from sjft.fetch.dataset import fetch_dataset
from sjft.fetch.missing import missing_parts
from sjft.settings.dataset import FilesOnDisk


def settings_of(entry: dict[str, Any]) -> FilesOnDisk:
    settings: FilesOnDisk = TypeAdapter(FilesOnDisk).validate_python(entry)
    return settings


def fetch(entry: dict[str, Any], data_root: Path, name: str = "indoor67") -> str:
    return fetch_dataset(name, settings_of(entry), data_root)


def refused(entry: dict[str, Any], data_root: Path, *words: str) -> None:
    with pytest.raises(UserError) as error:
        fetch(entry, data_root)
    for word in words:
        assert word in str(error.value)


def incomplete(entry: dict[str, Any], data_root: Path) -> None:
    """Nothing lies in its place, and the data set is known to be incomplete."""
    root = data_root / entry["root"]
    assert [path.name for path in root.iterdir()] == [".fetching"]
    assert any("completely" in part for part in missing_parts(settings_of(entry), root))
