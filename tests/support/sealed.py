"""Files whose digest holds although a test made or changed them, to see what else is checked."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from sjft.storage.seals import END_BYTES, facts_of, is_sealed, seal


def seal_again(path: Path) -> Path:
    """End a file with the digest of what it holds now, in the place of an older one."""
    facts = {}
    if is_sealed(path):
        facts = facts_of(path)
        told = len(json.dumps(facts, sort_keys=True))
        path.write_bytes(path.read_bytes()[: -(END_BYTES + told)])
    with path.open("r+b") as file:
        seal(file, facts)
    return path


def edited(path: Path, change: Callable[[h5py.File], Any]) -> Path:
    """Change an HDF5 file, and end it with the checksum of what it holds then."""
    facts = facts_of(path)
    path.write_bytes(path.read_bytes()[: -(END_BYTES + len(json.dumps(facts, sort_keys=True)))])
    with h5py.File(path, "r+") as file:
        change(file)
    with path.open("r+b") as output:
        seal(output, facts)
    return path
