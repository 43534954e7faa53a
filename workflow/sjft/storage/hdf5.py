"""HDF5 files that describe themselves, are written whole, and are checked when they are read.

Root attributes of every file: ``format``, ``format_version``, ``created_by``, ``config`` (JSON:
the settings that decided the content), ``inputs`` (JSON: a digest per file read) and ``digest``
(of the data sets and of ``config``). Every data set has named dimensions, a ``description`` and
``units``. Files keep to features that the HDF5 1.10 tools read.

Each ends with a checksum of all its bytes (`sjft.storage.seals`), where HDF5 does not look, and is
read by HDF5 only where that holds: on a damaged file HDF5 may hang or end the process.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from sjft import __version__
from sjft.errors import NotAsWrittenError, UserError
from sjft.storage.chunks import CHUNK_BYTES, compressed
from sjft.storage.files import digest_of_text, written_beside
from sjft.storage.seals import NOT_SEALED, Output, require_sealed, seal

# How many bytes one byte of what deflate makes can stand for, by its format.
MOST_DEFLATED = 1032


@dataclass(frozen=True)
class Variable:
    """One data set of a file: values, the names of its dimensions, what it is, and its units."""

    values: NDArray[Any]
    dimensions: tuple[str, ...]
    description: str
    units: str = "1"
    # Whether its chunks are compressed by `sjft.storage.chunks` and not by HDF5: what is large.
    compressed_here: bool = False


class Hdf5Writer:
    """An open file that data sets are added to, whole or in pieces along the first dimension."""

    def __init__(self, file: h5py.File, check: Callable[[], None]) -> None:
        """Wrap a file that is open for writing; ``check`` raises where writing has failed."""
        self._file = file
        self._check = check
        # What `_append_chunks` has not yet written: less than a chunk of each data set.
        self._pending: dict[str, NDArray[Any]] = {}
        # Kept open: closing a data set compresses its last, unfinished chunk.
        self._datasets: dict[str, h5py.Dataset] = {}
        self._digests: dict[str, Any] = {}

    def add(self, name: str, variable: Variable) -> None:
        """Add a data set; or, where ``name`` is there already, append to its first dimension."""
        values = np.ascontiguousarray(_as_storable(variable.values))
        if name in self._datasets:
            dataset = self._datasets[name]
            if values.dtype != dataset.dtype:  # HDF5 would cut off texts and round numbers
                raise ValueError(f"{name}: {values.dtype} cannot be appended to {dataset.dtype}")
        else:
            dataset = self._datasets[name] = self._create(name, values)
            for axis, dimension in enumerate(variable.dimensions):
                dataset.dims[axis].label = dimension
            dataset.attrs["description"] = variable.description
            dataset.attrs["units"] = variable.units
            self._digests[name] = hashlib.sha256()
        self._digests[name].update(values)
        if variable.compressed_here:
            self._append_chunks(name, values)
        else:
            dataset.resize(len(dataset) + len(values), axis=0)
            dataset[len(dataset) - len(values) :] = values
        self._check()

    def _append_chunks(self, name: str, values: NDArray[Any]) -> None:
        """Compress and write all whole chunks, and keep the rest for later."""
        pending = np.concatenate([self._pending[name], values]) if name in self._pending else values
        rows = self._datasets[name].chunks[0]
        whole = len(pending) // rows * rows
        for start in range(0, whole, rows):
            self._write_chunk(name, pending[start : start + rows])
        self._pending[name] = pending[whole:].copy()

    def _write_chunk(self, name: str, values: NDArray[Any]) -> None:
        """Append one chunk, compressed here; the file's last one is filled up with zeros."""
        dataset = self._datasets[name]
        place = len(dataset)
        dataset.resize(place + len(values), axis=0)
        missing = np.zeros((dataset.chunks[0] - len(values), *values.shape[1:]), values.dtype)
        chunk = np.concatenate([values, missing]) if len(missing) else values
        corner = (place, *[0] * (values.ndim - 1))
        dataset.id.write_direct_chunk(corner, compressed(chunk))

    def finish(self) -> None:
        """Write what does not fill a chunk."""
        for name, pending in self._pending.items():
            if len(pending):
                self._write_chunk(name, pending)
        self._pending.clear()

    def _create(self, name: str, values: NDArray[Any]) -> h5py.Dataset:
        row_bytes = max(1, int(np.prod(values.shape[1:])) * values.dtype.itemsize)
        return self._file.create_dataset(
            name,
            shape=(0, *values.shape[1:]),
            dtype=values.dtype,
            maxshape=(None, *values.shape[1:]),
            chunks=(max(1, CHUNK_BYTES // row_bytes), *(max(1, side) for side in values.shape[1:])),
            compression="gzip",
            compression_opts=4,
            shuffle=True,
        )

    def digest(self, config: str) -> str:
        """Digest of the configuration and of every data set's name and content."""
        parts = [f"{name}:{d.hexdigest()}" for name, d in sorted(self._digests.items())]
        return digest_of_text("\n".join([config, *parts]))


def _as_storable(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype.kind not in "UO":
        return values
    encoded = np.char.encode(values.astype(str), "utf-8")
    return encoded.astype(h5py.string_dtype("utf-8", max(1, encoded.dtype.itemsize)))


@contextmanager
def create_hdf5(
    path: Path, *, kind: str, version: int, config: Mapping[str, Any], inputs: Mapping[str, str]
) -> Iterator[Hdf5Writer]:
    """Write a file of format ``kind``, atomically, with the attributes that the module names.

    Raises `UserError` where the disk is full.
    """
    settings = json.dumps(config, sort_keys=True)
    with written_beside(path) as beside, Output(beside, "w+") as output:
        with h5py.File(
            output, "w", libver=("earliest", "v110"), rdcc_nbytes=128 * CHUNK_BYTES
        ) as file:
            writer = Hdf5Writer(file, lambda: output.require_success(path))
            yield writer
            writer.finish()
            _describe(file, kind, version, settings, inputs, writer.digest(settings))
            facts = {name: _facts(dataset) for name, dataset in file.items()}
        output.require_success(path)
        seal(output, facts)
        output.require_success(path)


def _facts(dataset: h5py.Dataset) -> dict[str, Any]:
    """What is told of a data set without HDF5, by `sjft.storage.seals.facts_of`."""
    return {"shape": list(dataset.shape), "item_bytes": dataset.dtype.itemsize}


def _describe(
    file: h5py.File, kind: str, version: int, settings: str, inputs: Mapping[str, str], digest: str
) -> None:
    file.attrs["format"] = kind
    file.attrs["format_version"] = version
    file.attrs["created_by"] = f"sjft {__version__}"
    file.attrs["config"] = settings
    file.attrs["inputs"] = json.dumps(inputs, sort_keys=True)
    file.attrs["digest"] = digest


@contextmanager
def open_sealed(path: Path) -> Iterator[h5py.File]:
    """Open whatever `create_hdf5` wrote, once its bytes are known to be those; see `open_hdf5`."""
    try:
        require_sealed(path)
        file = h5py.File(path, "r", locking=False)
    except NotAsWrittenError as error:
        if error.reason == NOT_SEALED:
            raise UserError(
                f"{path}: is truncated, or no HDF5 file that this version of the program wrote: it "
                "does not end with its checksum. Remove it and run again."
            ) from None
        raise
    except OSError as error:
        raise UserError(f"{path}: is no HDF5 file ({error}). Remove it and run again.") from None
    with file:
        if "format" in file.attrs:  # other programs' files are told as such by whoever reads them
            _require_own_content(path, file)
        try:
            yield file
        except OSError as error:
            if error.errno is not None:  # the system's word, and perhaps on another file
                raise
            raise UserError(
                f"{path}: is damaged ({error}). Remove the file and run again."
            ) from None


def _require_own_content(path: Path, file: h5py.File) -> None:
    """Raise `UserError` where a file shows other files' content, or claims more than it can hold.

    HDF5 follows links and external storage to any file that the user may read, and gives what was
    never written as fill values, to any size.
    """
    for name in file:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            problem = "is a link"
        elif not isinstance(dataset := file[name], h5py.Dataset) or dataset.shape is None:
            problem = "is no data set"
        elif dataset.external or dataset.is_virtual:
            problem = "lies in another file"
        elif dataset.nbytes > MOST_DEFLATED * dataset.id.get_storage_size():
            problem = f"claims {dataset.nbytes:,} bytes, more than can be in the file"
        else:
            continue
        raise UserError(
            f"{path}: `{name}` {problem}: this program did not write it so. Get the file anew from "
            "where it came, or remove it and run again."
        )


@contextmanager
def open_hdf5(path: Path, *, kind: str, version: int) -> Iterator[h5py.File]:
    """Open a file for reading, without a lock, and check its bytes, its format and its version.

    Raises `UserError` for a missing or damaged file, another format, or another version. The
    handle belongs to the calling process: never carry it across a fork.
    """
    with open_sealed(path) as file:
        found = file.attrs.get("format")
        if found != kind:
            raise UserError(
                f"{path}: holds `{found}`, expected `{kind}`. Was it put there by hand?"
            )
        if int(file.attrs["format_version"]) != version:
            raise UserError(
                f"{path}: is of version {file.attrs['format_version']} of the format `{kind}`, "
                f"this program reads version {version}. Remove the file and run again."
            )
        yield file


def config_of(file: h5py.File) -> dict[str, Any]:
    """The settings that decided the file's content."""
    config: dict[str, Any] = json.loads(file.attrs["config"])
    return config


def inputs_of(file: h5py.File) -> dict[str, str]:
    """The digests of the files that were read to make this one."""
    inputs: dict[str, str] = json.loads(file.attrs["inputs"])
    return inputs
