"""A full disk and a read-only folder: one message with the file's name, whatever writes."""

import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from published import publish
from small import random_neighbours

from sjft.cli.main import main
from sjft.data import synthetic
from sjft.errors import UserError
from sjft.fetch.archives import extract_archive
from sjft.model.export import export_model
from sjft.model.file import load_published
from sjft.retrieval.index.annoy import build_annoy_index
from sjft.retrieval.neighbours import write_neighbours
from sjft.settings.checkpoints import CheckpointSettings
from sjft.settings.retrieval import AnnoySettings
from sjft.storage.files import write_json, write_plain_table, write_table, write_text
from sjft.storage.torch_file import write_torch
from sjft.training.checkpoints import Checkpoints

LIMIT = 4000  # bytes of a file: less than any of those that are written here
TABLE = pl.DataFrame({"number": range(5000)})
NOISE = np.random.default_rng(0)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file may grow beyond `LIMIT`, as on a disk that has no more room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def index(path: Path) -> None:
    vectors = NOISE.standard_normal((300, 8)).astype(np.float32)
    build_annoy_index(vectors, AnnoySettings(trees=2), 0, path, path.with_suffix(".json"), {})


def checkpoint(path: Path) -> None:
    kept = Checkpoints(path.parent, {"rate": 0.1}, CheckpointSettings())
    kept.folder.mkdir(exist_ok=True, parents=True)
    kept._write(1, {"weights": np.zeros(9000).tobytes()})


def images(path: Path) -> None:
    synthetic.generate(
        path,
        contents=["disc", "ring"],
        styles=["hatching"],
        per_class={"train": 1},
        size=400,
        quality=95,
        seed=0,
    )


WRITERS: dict[str, Callable[[Path], None]] = {
    "text.md": lambda path: write_text(path, "a" * 9000),
    "record.json": lambda path: write_json(path, {"text": "a" * 9000}),
    "plain.csv": lambda path: write_plain_table(path, TABLE),
    "subset.csv": lambda path: write_table(path, TABLE),
    "lists.h5": lambda path: write_neighbours(path, random_neighbours(1, 99, 200, 99), {}, {}),
    "model.pt": lambda path: write_torch(path, {"weights": np.zeros(9000).tobytes()}),
    "0000.ann": index,
    "update-00000001.pt": checkpoint,
    "generated": images,
}


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_message_with_the_files_name(tmp_path: Path, name: str) -> None:
    with full_disk(), pytest.raises(UserError) as error:
        WRITERS[name](tmp_path / name)
    assert name in str(error.value)
    assert "cannot be written (" in str(error.value)
    assert "File too large" in str(error.value)
    assert "Make room there" in str(error.value)
    assert str(error.value).count("\n") == 0
    assert not list(tmp_path.rglob("*.part"))
    assert not (tmp_path / name).is_file()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.pt"
    publish(path, "squeezenet1_1", side=48)
    return path


@pytest.mark.parametrize("name", ["torchscript", "safetensors"])
def test_an_export_to_a_full_disk_leaves_nothing(tmp_path: Path, model: Path, name: str) -> None:
    loaded = load_published(model)
    with full_disk(), pytest.raises(UserError, match=r"model\.out: cannot be written \(File too"):
        export_model(loaded, name, tmp_path / "model.out")
    assert list(tmp_path.iterdir()) == []


def test_an_old_table_outlives_a_full_disk(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_table(path, TABLE.head(3))
    before = path.read_bytes()
    with full_disk(), pytest.raises(UserError, match=r"a\.csv: cannot be written"):
        write_table(path, TABLE)
    assert path.read_bytes() == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv", "a.csv.digest"]


def test_an_archive_that_fills_the_disk_is_named(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("images/1.jpg")
        member.size = 3 * LIMIT
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    with full_disk(), pytest.raises(UserError, match=r"images/1\.jpg: cannot be written"):
        extract_archive(tmp_path / "a.tar.gz", tmp_path / "new")


@contextmanager
def read_only_folder() -> Iterator[Path]:
    """A folder that this process may read, and not write to, also where it is root's."""
    folder = Path(tempfile.mkdtemp(prefix="sjft-read-only-"))
    user = os.geteuid()
    try:
        folder.chmod(0o555)
        if user == 0:
            os.seteuid(65534)
        yield folder
    finally:
        if user == 0:
            os.seteuid(0)
        folder.chmod(0o755)
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.startswith("update")])
def test_a_read_only_folder_is_one_message_with_the_files_name(name: str) -> None:
    with read_only_folder() as folder, pytest.raises(UserError) as error:
        WRITERS[name](folder / name)
    assert str(error.value).startswith(str(folder / name))
    assert ": cannot be written (Permission denied). Make room there, or check your rights" in str(
        error.value
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_behind_the_terminal_is_one_line(tmp_path: Path) -> None:
    write_json(tmp_path / "s.json", {"table": "a row\n" * 10_000})
    code = "import sys; from sjft.cli.main import main; sys.exit(main())"
    library = Path(main.__code__.co_filename).parents[2]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, "summary", str(tmp_path / "s.json")],
            env={"PYTHONPATH": str(library)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.startswith("sjft: what is printed: cannot be written (No space left")
    assert done.stderr.count("\n") == 1
