"""Neighbour lists: per target image its nearest source images, nearest first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.hdf5 import Variable, config_of, create_hdf5, open_hdf5

KIND, VERSION = "sjft-neighbours", 1


@dataclass(frozen=True)
class Neighbours:
    """``targets`` int32 [targets] and ``sources`` int32 [targets, kept]: numbers of images.

    A shard's lists number its source images as its files do, and the target images in the order
    of their histograms; from `merge_shards` on, numbers are rows of images.csv.
    ``divergences`` float32 [targets, kept], ascending in each row once sorted by `nearest`.
    """

    targets: NDArray[np.int32]
    sources: NDArray[np.int32]
    divergences: NDArray[np.float32]

    def take(self, rows: NDArray[np.intp]) -> "Neighbours":
        """The lists of some of the target images."""
        return Neighbours(self.targets[rows], self.sources[rows], self.divergences[rows])


def nearest(parts: Sequence[Neighbours], kept: int) -> Neighbours:
    """The ``kept`` nearest of several lists over the same target images.

    Equal divergences are ordered by the image's number, so that the result does not depend on
    the order of the parts.
    """
    targets = parts[0].targets
    if any(not np.array_equal(part.targets, targets) for part in parts):
        raise UserError(
            "Neighbour lists of different target images cannot be joined. Remove the files of this "
            "pairing's `neighbours` folder and run again."
        )
    sources = np.concatenate([part.sources for part in parts], axis=1)
    divergences = np.concatenate([part.divergences for part in parts], axis=1)
    order = np.lexsort((sources, divergences), axis=1)[:, :kept]
    return Neighbours(
        targets,
        np.take_along_axis(sources, order, axis=1).astype(np.int32),
        np.take_along_axis(divergences, order, axis=1),
    )


def write_neighbours(
    path: Path,
    neighbours: Neighbours,
    config: Mapping[str, Any],
    inputs: Mapping[str, str],
    recall: Mapping[str, float] | None = None,
    first_images: Mapping[str, int] | None = None,
) -> None:
    """Write lists with the settings that decided them, and the recall where it was measured.

    ``first_images`` says for a ranking over several sources where each one's numbers start.
    """
    with create_hdf5(path, kind=KIND, version=VERSION, config=config, inputs=inputs) as writer:
        writer.add(
            "target_image",
            Variable(neighbours.targets, ("target",), "Number of the target image"),
        )
        writer.add(
            "source_image",
            Variable(
                neighbours.sources,
                ("target", "neighbour"),
                "Number of the source image, nearest first",
            ),
        )
        writer.add(
            "divergence",
            Variable(
                neighbours.divergences, ("target", "neighbour"), "Symmetric KL divergence", "nat"
            ),
        )
        if first_images is not None:
            names, starts = list(first_images), list(first_images.values())
            writer.add("source_name", Variable(np.array(names), ("source",), "Data set"))
            writer.add(
                "first_image",
                Variable(
                    np.array(starts, np.int64),
                    ("source",),
                    "Number of the source's first image: its row of images.csv comes on top",
                ),
            )
        if recall is not None:
            depths = sorted(recall, key=int)
            writer.add(
                "recall_depth",
                Variable(np.array([int(d) for d in depths]), ("depth",), "Neighbours looked at"),
            )
            writer.add(
                "recall",
                Variable(
                    np.array([recall[d] for d in depths]),
                    ("depth",),
                    "Share of the truly nearest that were found, on a sample of target images",
                ),
            )


def read_neighbours(path: Path) -> Neighbours:
    """Read neighbour lists; raises `UserError` for any other file."""
    with open_hdf5(path, kind=KIND, version=VERSION) as file:
        return Neighbours(file["target_image"][:], file["source_image"][:], file["divergence"][:])


def merge_shards(
    paths: Sequence[Path], on_file: int, numbers: Sequence[NDArray[np.int32]]
) -> Neighbours:
    """Join the lists of all shards to the ``on_file`` nearest, or all where there are fewer.

    ``numbers`` holds, shard by shard, the rows of images.csv that the shard's own numbers stand
    for. Raises `UserError` where the shards' settings or target images differ.
    """
    configs = []
    for path in paths:
        with open_hdf5(path, kind=KIND, version=VERSION) as file:
            configs.append(config_of(file))
    for path, config in zip(paths, configs, strict=True):
        if config != configs[0]:
            raise UserError(
                f"{path}: was searched with other settings than {paths[0]}. Remove the older and "
                "run again."
            )
    parts = [read_neighbours(path) for path in paths]
    merged = nearest(
        [
            replace(part, sources=of_shard[part.sources])
            for part, of_shard in zip(parts, numbers, strict=True)
        ],
        on_file,
    )
    if not np.isfinite(merged.divergences).all():
        raise UserError(f"{paths[0].parent}: a list is short. Remove the folder and run again.")
    return merged


def of_targets(neighbours: Neighbours, numbers: NDArray[np.int32]) -> Neighbours:
    """The lists in the order of the target's images.csv; ``numbers`` int32 [targets]: its rows."""
    order = np.argsort(numbers)
    return replace(neighbours.take(order), targets=numbers[order])


def read_recall(path: Path) -> dict[str, float]:
    """The measured recall by depth, as `write_neighbours` kept it."""
    with open_hdf5(path, kind=KIND, version=VERSION) as file:
        depths, shares = file["recall_depth"][:], file["recall"][:]
    return {str(depth): float(share) for depth, share in zip(depths, shares, strict=True)}
