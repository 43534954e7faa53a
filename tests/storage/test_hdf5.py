"""HDF5 files: self-describing, whole or not there, and refused where they are damaged."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sealed import edited, seal_again

from sjft.errors import UserError
from sjft.storage.chunks import RowReader
from sjft.storage.hdf5 import Variable, config_of, create_hdf5, inputs_of, open_hdf5


def write(
    path: Path,
    variables: Mapping[str, np.ndarray],
    *,
    kind: str = "fruit",
    version: int = 3,
    config: Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
) -> Path:
    with create_hdf5(
        path, kind=kind, version=version, config=config or {}, inputs=inputs or {}
    ) as writer:
        for name, values in variables.items():
            axes = tuple(f"axis{axis}" for axis in range(values.ndim))
            writer.add(name, Variable(values, axes, f"The {name}", "kg"))
    return path


def digest(path: Path) -> str:
    with h5py.File(path) as file:
        return str(file.attrs["digest"])


def test_a_file_describes_itself(tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.h5",
        {"apple": np.arange(6.0).reshape(2, 3)},
        config={"b": [1, 2], "a": "ä"},
        inputs={"images.csv": "abc"},
    )
    with open_hdf5(path, kind="fruit", version=3) as file:
        assert file.attrs["format"] == "fruit"
        assert file.attrs["format_version"] == 3
        assert file.attrs["created_by"].startswith("sjft ")
        assert json.loads(file.attrs["config"]) == config_of(file) == {"b": [1, 2], "a": "ä"}
        assert json.loads(file.attrs["inputs"]) == inputs_of(file) == {"images.csv": "abc"}
        apple = file["apple"]
        assert [axis.label for axis in apple.dims] == ["axis0", "axis1"]
        assert (apple.attrs["description"], apple.attrs["units"]) == ("The apple", "kg")
        assert apple[:].tolist() == [[0, 1, 2], [3, 4, 5]]


@given(
    values=hnp.arrays(
        st.sampled_from([np.uint16, np.int32, np.int64, np.float32, np.float64]),
        hnp.array_shapes(min_dims=1, max_dims=3, max_side=6),
    ),
    cut=st.integers(0, 6),
)
def test_pieces_make_the_same_file_as_the_whole(
    tmp_path_factory: pytest.TempPathFactory, values: np.ndarray, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    axes = ("a", "b", "c")[: values.ndim]
    for name, pieces in {"whole": [values], "pieces": [values[:cut], values[cut:]]}.items():
        with create_hdf5(folder / name, kind="fruit", version=3, config={}, inputs={}) as writer:
            for piece in pieces:
                writer.add("apple", Variable(piece, axes, "An apple"))
    assert digest(folder / "whole") == digest(folder / "pieces")
    with open_hdf5(folder / "pieces", kind="fruit", version=3) as file:
        assert file["apple"].dtype == values.dtype
        assert file["apple"][:].tobytes() == values.tobytes()


@given(names=st.lists(st.text(st.characters(exclude_characters="\0", codec="utf-8")), max_size=5))
def test_texts_come_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("texts") / "a.h5"
    write(path, {"name": np.array(names, dtype=str)})
    with open_hdf5(path, kind="fruit", version=3) as file:
        assert [name.decode() for name in file["name"][:]] == names


def test_longer_texts_are_not_cut_off_when_they_are_appended(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="name"),
        create_hdf5(tmp_path / "a.h5", kind="fruit", version=3, config={}, inputs={}) as writer,
    ):
        for name in ("fig", "pomegranate"):
            writer.add("name", Variable(np.array([name]), ("name",), "Names"))


def test_the_digest_follows_contents_names_and_settings_alone(tmp_path: Path) -> None:
    one, two = np.arange(4), np.arange(5)
    first = digest(write(tmp_path / "1.h5", {"a": one}, config={"x": 1}))
    assert digest(write(tmp_path / "2.h5", {"a": one}, config={"x": 1}, inputs={"i": "1"})) == first
    others = [
        digest(write(tmp_path / "3.h5", {"a": two}, config={"x": 1})),
        digest(write(tmp_path / "4.h5", {"b": one}, config={"x": 1})),
        digest(write(tmp_path / "5.h5", {"a": one}, config={"x": 2})),
    ]
    assert len({first, *others}) == 4


def test_the_same_contents_give_the_same_bytes(tmp_path: Path) -> None:
    values = {"a": np.random.default_rng(1).standard_normal((50, 7)), "b": np.array(["x", "yz"])}
    assert (
        write(tmp_path / "1.h5", values).read_bytes()
        == write(tmp_path / "2.h5", values).read_bytes()
    )


def test_a_failing_writer_leaves_nothing_behind(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="stop"),
        create_hdf5(tmp_path / "a.h5", kind="fruit", version=3, config={}, inputs={}) as writer,
    ):
        writer.add("apple", Variable(np.arange(3), ("a",), "An apple"))
        raise RuntimeError("stop")
    assert list(tmp_path.iterdir()) == []


def test_a_failing_writer_leaves_the_older_file_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", {"apple": np.arange(3)})
    before = path.read_bytes()
    with (
        pytest.raises(RuntimeError, match="stop"),
        create_hdf5(path, kind="fruit", version=3, config={}, inputs={}),
    ):
        raise RuntimeError("stop")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def refuse(path: Path, message: str, *, kind: str = "fruit", version: int = 3) -> None:
    with (
        pytest.raises(UserError, match=message) as error,
        open_hdf5(path, kind=kind, version=version) as file,
    ):
        file["apple"][:]
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    refuse(tmp_path / "none.h5", "there is no such file")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    path = write(tmp_path / "a.h5", {"apple": np.random.default_rng(1).random(5000)})
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    refuse(path, "truncated")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("an apple\n" * 100)
    refuse(tmp_path / "a.txt", "no HDF5 file")


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", {"apple": np.arange(3)}, kind="nut")
    refuse(path, "holds `nut`, expected `fruit`")


def test_a_foreign_hdf5_file_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["apple"] = np.arange(3)
    refuse(tmp_path / "a.h5", "no HDF5 file that this version of the program wrote")
    refuse(seal_again(tmp_path / "a.h5"), "expected `fruit`")


@pytest.mark.parametrize("version", [2, 4])
def test_another_version_is_refused(tmp_path: Path, version: int) -> None:
    path = write(tmp_path / "a.h5", {"apple": np.arange(3)}, version=version)
    refuse(path, f"is of version {version} .* reads version 3")


def damaged(folder: Path) -> Path:
    """Write a file and put zeros in the place of its first chunk."""
    path = write(folder / "a.h5", {"apple": np.random.default_rng(1).random(5000)})
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        chunk = file["apple"].id.get_chunk_info(0)
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(bytes(content))
    return path


def test_damaged_data_are_refused_when_they_are_read(tmp_path: Path) -> None:
    path = damaged(tmp_path)
    refuse(path, "is damaged: its bytes are not those that were written")
    refuse(seal_again(path), "is damaged")


def test_a_full_disk_elsewhere_is_not_blamed_on_the_file_being_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.h5", {"apple": np.arange(3)})
    with (
        pytest.raises(OSError, match="No space left") as error,
        open_hdf5(path, kind="fruit", version=3),
    ):
        raise OSError(28, "No space left on device", "other.h5")
    assert str(path) not in str(error.value)


@pytest.mark.parametrize("compressed_here", [False, True])
@pytest.mark.parametrize(("rows", "kind"), [(300_000, np.uint8), (1000, np.uint16), (0, np.uint32)])
def test_rows_that_are_read_are_those_of_h5py(
    tmp_path: Path, rows: int, kind: type, compressed_here: bool
) -> None:
    # 300,000 bytes, and 1,000 rows of 600, are more than a chunk.
    shape = (rows,) if kind is np.uint8 else (rows, 300)
    values = np.random.default_rng(1).integers(0, 200, shape).astype(kind)
    path = tmp_path / "a.h5"
    with create_hdf5(path, kind="fruit", version=3, config={}, inputs={}) as writer:
        writer.add(
            "apple", Variable(values, ("a", "b")[: values.ndim], "An apple", "1", compressed_here)
        )
    with open_hdf5(path, kind="fruit", version=3) as file:
        read = RowReader(file["apple"])
        for start, end in ((0, rows), (rows // 3, rows // 2), (max(0, rows - 1), rows), (0, 0)):
            found = read(start, end)
            assert found.dtype == kind
            np.testing.assert_array_equal(found, file["apple"][start:end])


def test_a_damaged_chunk_is_refused_when_its_rows_are_read(tmp_path: Path) -> None:
    path = seal_again(damaged(tmp_path))
    with (
        pytest.raises(UserError, match=r"is damaged .*a chunk of /apple cannot be inflated"),
        open_hdf5(path, kind="fruit", version=3) as file,
    ):
        RowReader(file["apple"])(10, 20)


def _links_elsewhere(file: h5py.File) -> None:
    file["odd"] = h5py.ExternalLink("other.h5", "/x")


def _links_to_itself(file: h5py.File) -> None:
    file["odd"] = h5py.SoftLink("/odd")


def _lies_elsewhere(file: h5py.File) -> None:
    file.create_dataset("odd", (4,), "S1", external=[("secret.txt", 0, 4)])


def _shows_another(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "i8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("odd", layout)


def _claims_terabytes(file: h5py.File) -> None:
    file.create_dataset("odd", (2**40,), "u8", chunks=(2**16,), compression="gzip", fillvalue=7)


def _is_a_folder(file: h5py.File) -> None:
    file.create_group("odd/x")


def _is_empty(file: h5py.File) -> None:
    file["odd"] = h5py.Empty("f8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_links_elsewhere, "is a link"),
        (_links_to_itself, "is a link"),
        (_lies_elsewhere, "lies in another file"),
        (_shows_another, "lies in another file"),
        (_claims_terabytes, "claims 8,796,093,022,208 bytes"),
        (_is_a_folder, "is no data set"),
        (_is_empty, "is no data set"),
    ],
)
def test_a_file_shows_nothing_but_what_is_in_it(
    change: Callable[[h5py.File], None], words: str, tmp_path: Path
) -> None:
    path = edited(write(tmp_path / "a.h5", {"apple": np.arange(3)}), change)
    with pytest.raises(UserError, match=f"`odd` {words}"), open_hdf5(path, kind="fruit", version=3):
        pass


def test_what_is_compressed_best_and_what_is_empty_are_read(tmp_path: Path) -> None:
    zeros, none = np.zeros((2**24, 1), np.uint8), np.zeros((0, 4))
    path = write(tmp_path / "a.h5", {"zeros": zeros, "none": none})
    with open_hdf5(path, kind="fruit", version=3) as file:
        assert not file["zeros"][:].any() and file["none"].shape == (0, 4)
