"""One file of each kind, and copies of them to damage."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from artefacts import Artefact, write_all
from descriptor_files import write_small_descriptors


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artefact]:
    folder = tmp_path_factory.mktemp("damaged")
    return write_all(folder, write_small_descriptors(folder / "descriptors.h5"))


@pytest.fixture
def copied(artefacts: dict[str, Artefact], tmp_path: Path) -> Callable[[str], Path]:
    """A function that copies an artefact, with all that lies beside it, and gives its path."""

    def copy(name: str) -> Path:
        path = artefacts[name].path
        shutil.copytree(path.parent, tmp_path / path.parent.name)
        return tmp_path / path.parent.name / path.name

    return copy
