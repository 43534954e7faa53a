"""HDF5 files as the HDF5 project's own tools read them: Debian's package hdf5-tools."""

import re
import shutil
import subprocess
from pathlib import Path

import h5py
import pytest
from artefacts import Artefact, write_all
from descriptor_files import write_small_descriptors

NAMES = ("descriptors", "hashes", "bins", "histograms", "projection", "neighbours", "probabilities")
MISSING = [tool for tool in ("h5ls", "h5dump") if shutil.which(tool) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"{' and '.join(MISSING)} of Debian's hdf5-tools: not installed here"
)


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Artefact]:
    folder = tmp_path_factory.mktemp("tools")
    return write_all(folder, write_small_descriptors(folder / "descriptors.h5"))


def output_of(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


def test_every_hdf5_file_is_among_them(artefacts: dict[str, Artefact]) -> None:
    found = {name for name, artefact in artefacts.items() if artefact.path.suffix == ".h5"}
    assert found == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_h5ls_lists_the_data_sets(artefacts: dict[str, Artefact], name: str) -> None:
    path: Path = artefacts[name].path
    listed = output_of("h5ls", str(path)).splitlines()
    with h5py.File(path) as file:
        expected = {key: list(dataset.shape) for key, dataset in file.items()}
    found = {}
    for line in listed:
        key, _, shape = line.partition(" Dataset ")
        found[key.strip()] = [int(n) for n in re.findall(r"(\d+)(?:/\w+)?", shape.strip("{} "))]
    assert {key: shape[:1] for key, shape in found.items()} == {
        key: shape[:1] for key, shape in expected.items()
    }


@pytest.mark.parametrize("name", NAMES)
def test_h5dump_reads_attributes_and_every_value(artefacts: dict[str, Artefact], name: str) -> None:
    path = artefacts[name].path
    dumped = output_of("h5dump", str(path))
    with h5py.File(path) as file:
        assert f'"{file.attrs["format"]}"' in dumped and f'"{file.attrs["digest"]}"' in dumped
        for key, dataset in file.items():
            assert f'DATASET "{key}"' in dumped
            if dataset.dtype.kind in "iu" and dataset.size:
                shown = output_of("h5dump", "-y", "-d", key, str(path))  # without indices
                values = re.search(r"DATA \{\n(.*?)\}", shown, re.DOTALL)
                assert values is not None
                assert re.findall(r"-?\d+", values[1]) == [str(n) for n in dataset[:].reshape(-1)]
