"""Digests alone, out of hash files: which images are one and the same file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sjft.storage.hdf5 import open_hdf5

KIND, VERSION = "sjft-image-hashes", 1  # of the files that `sjft.leakage.hashes` writes
DIGEST = np.dtype("S32")  # BLAKE2b of 128 bits, hexadecimal


def read_digests(
    paths: Sequence[Path], numbers: Sequence[NDArray[np.int32]], images: int
) -> NDArray[np.bytes_]:
    """The digest of each of a data set's ``images``, by its row of images.csv: S32 [images].

    Empty for those that ``paths``, its shards in order, do not hold: the other splits', and what
    cannot be read. ``numbers`` as in `sjft.leakage.hashes.read_hashes`. Raises `UserError` for any
    other file.
    """
    digests = np.zeros(images, DIGEST)
    for path, rows in zip(paths, numbers, strict=True):
        with open_hdf5(path, kind=KIND, version=VERSION) as file:
            digests[rows[file["image"][:]]] = file["digest"][:]
    return digests
