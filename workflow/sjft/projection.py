"""Projection: Hellinger vectors of histograms, brought down to a few principal components.

The Hellinger vector of an image is sqrt(w_c p_cb) over all channels and bins: Euclidean distance
between such vectors follows the divergence closely enough to find candidates. The components are
fitted on the target's images: a direction in which they do not differ cannot order their
neighbours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.hdf5 import Variable, create_hdf5, inputs_of, open_hdf5
from sjft.histograms import Histograms

KIND, VERSION = "sjft-projection", 1
IMAGES_A_BLOCK = 256


@dataclass(frozen=True)
class Projection:
    """``mean`` float32 [channels * bins]; ``components`` float32 [dimensions, channels * bins]."""

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    digest_of_bins: str
    digest: str

    def project(self, histograms: Histograms) -> NDArray[np.float32]:
        """Vectors, float32 [images, dimensions], of histograms.

        Raises `UserError` where the histograms are over other bins than the projection's.
        """
        if histograms.digest_of_bins != self.digest_of_bins:
            raise UserError(
                "Histograms and projection were made with different bins. Remove projection.h5 of "
                "this pairing and run again."
            )
        rows = len(histograms.images)
        blocks = [
            (hellinger_vectors(histograms.take(np.arange(start, min(start + IMAGES_A_BLOCK, rows))))
             - self.mean) @ self.components.T
            for start in range(0, rows, IMAGES_A_BLOCK)
        ]  # fmt: skip
        return np.concatenate(blocks)


def hellinger_vectors(histograms: Histograms) -> NDArray[np.float32]:
    """sqrt(w_c p_cb), float32 [images, channels * bins]."""
    factor = np.sqrt(histograms.weight / histograms.positions).astype(np.float32)
    roots = np.sqrt(histograms.counts, dtype=np.float32) * factor[:, None]
    return roots.reshape(len(roots), -1)


def principal_components(
    vectors: NDArray[np.float32], dimensions: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Mean [n], components [d, n] (orthonormal, largest variance first) and explained share.

    By the eigenvectors of the images' Gram matrix, which is smaller than the covariance here.
    d is ``dimensions``, or fewer where the images span fewer. A component's sign is fixed by its
    largest entry.
    """
    mean = vectors.mean(axis=0, dtype=np.float64)
    centred = vectors - mean.astype(np.float32)
    gram = (centred @ centred.T).astype(np.float64)
    wanted = min(dimensions, max(1, len(vectors) - 1))
    values, axes = scipy.linalg.eigh(gram, subset_by_index=(len(gram) - wanted, len(gram) - 1))
    values, axes = values[::-1], axes[:, ::-1]
    total = float(np.trace(gram))
    # float32 products leave noise of this size in the Gram matrix: no direction at all.
    kept = values > 1e-6 * max(total, np.finfo(float).tiny)
    components = (axes[:, kept] / np.sqrt(values[kept])).T.astype(np.float32) @ centred
    components /= np.linalg.norm(components, axis=1, keepdims=True)
    largest = components[np.arange(len(components)), np.abs(components).argmax(axis=1)]
    components *= np.sign(largest)[:, None]
    return mean.astype(np.float32), components, float(values[kept].sum() / total) if total else 1.0


def fit_projection(
    targets: Histograms,
    *,
    dimensions: int,
    sample: int,
    seed: int,
    output: Path,
    inputs: Mapping[str, str],
) -> None:
    """Fit the projection on at most ``sample`` target images, drawn by seed, and write it.

    Raises `UserError` where the target's histograms do not differ at all.
    """
    rows = np.arange(len(targets.images))
    if len(rows) > sample:
        rows = np.sort(np.random.default_rng(seed).permutation(rows)[:sample])
    mean, components, explained = principal_components(
        hellinger_vectors(targets.take(rows)), dimensions
    )
    if not len(components):
        raise UserError(
            "The target's training images all have the same histograms: nothing can order their "
            "neighbours. Check the images and the filter bank."
        )
    config: dict[str, Any] = {"dimensions": dimensions, "sample": sample, "seed": seed}
    with create_hdf5(
        output,
        kind=KIND,
        version=VERSION,
        config=config,
        inputs={"bins": targets.digest_of_bins, **inputs},
    ) as writer:
        writer.add("mean", Variable(mean, ("channel_bin",), "Mean Hellinger vector"))
        writer.add(
            "component",
            Variable(components, ("component", "channel_bin"), "Principal components, orthonormal"),
        )
        writer.add(
            "explained_share",
            Variable(np.array([explained]), ("one",), "Share of the variance that is kept"),
        )


def read_projection(path: Path) -> Projection:
    """Read a projection; raises `UserError` for any other file."""
    with open_hdf5(path, kind=KIND, version=VERSION) as file:
        return Projection(
            mean=file["mean"][:],
            components=file["component"][:],
            digest_of_bins=inputs_of(file)["bins"],
            digest=str(file.attrs["digest"]),
        )
