"""The trees of published data sets, built where a test wants them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from published_trees import BUILDERS


@pytest.fixture
def built(tmp_path: Path) -> Callable[[str], Path]:
    """A function that builds the tree of a reader and returns its root."""

    def build(reader: str) -> Path:
        root = tmp_path / "set"
        root.mkdir()
        BUILDERS[reader](root)
        return root

    return build
