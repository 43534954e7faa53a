"""A data set read by its reader, or refused."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from sjft.data.readers import READERS, ListedImage
from sjft.errors import UserError
from sjft.settings.dataset import DatasetSettings


def settings(reader: str, **keys: Any) -> Any:
    """An entry of the configuration."""
    entry = {"reader": reader, "root": "set", **keys}
    return TypeAdapter(DatasetSettings).validate_python(entry)


def read(root: Path, reader: str, **keys: Any) -> list[ListedImage]:
    """What the reader lists below the root."""
    return READERS[reader](settings(reader, **keys), root)


def refused(root: Path, reader: str, *words: str, **keys: Any) -> None:
    """See that the reader refuses it in these words."""
    with pytest.raises(UserError) as error:
        read(root, reader, **keys)
    for word in words:
        assert word in str(error.value)


def sizes(listed: list[ListedImage]) -> dict[str, int]:
    """Images by split."""
    return dict(Counter(image.split for image in listed))
