"""Inspection: what an HDF5 file of the pipeline says of itself, as text."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sjft.errors import UserError
from sjft.storage.hdf5 import open_sealed


def describe_hdf5(path: Path, values: int) -> str:
    """Attributes and data sets of a file, with the first ``values`` values of each.

    Raises `UserError` for a file that is missing, no HDF5, or not of this pipeline.
    """
    with open_sealed(path) as file:
        if not str(file.attrs.get("format", "")).startswith("sjft-"):
            raise UserError(f"{path}: is no file of this pipeline. Try `h5dump -H`.")
        lines = [str(path), *_attributes(file), ""]
        for name in sorted(file):
            lines += _dataset(name, file[name], values)
    return "\n".join(lines)


def _attributes(file: h5py.File) -> list[str]:
    lines = []
    for name, value in sorted(file.attrs.items()):
        if name in ("config", "inputs"):
            lines.append(f"  {name}:")
            lines += [f"    {key}: {json.dumps(v)}" for key, v in json.loads(value).items()]
        else:
            lines.append(f"  {name}: {value}")
    return lines


def _dataset(name: str, dataset: Any, values: int) -> list[str]:
    dimensions = ", ".join(
        f"{d.label or '?'} {side}" for d, side in zip(dataset.dims, dataset.shape, strict=True)
    )
    stored, raw = dataset.id.get_storage_size(), dataset.size * dataset.dtype.itemsize
    lines = [
        f"{name}  [{dimensions}]  {dataset.dtype}  {raw:,} bytes, {stored:,} on disk",
        f"    {dataset.attrs.get('description', '')} ({dataset.attrs.get('units', '?')})",
    ]
    if values > 0 and dataset.size:
        rows = dataset[: max(1, values)]
        first = np.asarray(rows).reshape(-1)[:values]
        shown = [_text(v) for v in first]
        lines.append(f"    {', '.join(shown)}{', ...' if dataset.size > values else ''}")
    return lines


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    return f"{value:g}" if isinstance(value, np.floating) else str(value)
