"""Neighbour lists: per target image its nearest source images, nearest first."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sjft.errors import UserError
from sjft.storage.hdf5 import Variable, config_of, create_hdf5, open_hdf5

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


class NearestSoFar:
    """The ``kept`` nearest images of all blocks that were added, for each target image.

    A divergence and an image's number make one integer, the divergence in front: its bits, as
    those of any float32 that is not negative, are in the order of the numbers they stand for. So
    equal divergences are ordered by the image's number, and the result depends neither on the
    blocks nor on their order. What is over is dropped when 2 * kept are there, or a block more.
    """

    def __init__(self, targets: NDArray[np.int32], kept: int, block: int = 1) -> None:
        """``block`` is the largest number of images that is added at once, as far as known."""
        self._targets, self._kept, self._filled = targets, kept, 0
        self._keys = np.empty((len(targets), max(2 * kept, kept + block)), np.uint64)

    def add(self, sources: NDArray[np.int32], divergences: NDArray[np.float32]) -> None:
        """Add a block: float32 [targets, block], and numbers [block] or [targets, block]."""
        if self._filled + divergences.shape[1] > self._keys.shape[1]:
            self._drop()
        end = self._filled + divergences.shape[1]
        if end > self._keys.shape[1]:
            self._keys = np.pad(self._keys, ((0, 0), (0, end - self._keys.shape[1])))
        place = self._keys[:, self._filled : end]
        place[...] = (divergences + np.float32(0)).view(np.uint32)  # makes 0 of -0
        place <<= np.uint64(32)
        place |= sources.astype(np.uint64)
        self._filled = end

    def _drop(self) -> None:
        if self._filled > self._kept:
            self._keys[:, : self._filled].partition(self._kept - 1, axis=1)
            self._filled = self._kept

    def lists(self) -> Neighbours:
        """The lists, nearest first."""
        self._drop()
        keys = np.sort(self._keys[:, : self._filled], axis=1)
        divergences = (keys >> np.uint64(32)).astype(np.uint32).view(np.float32)
        return Neighbours(self._targets, keys.astype(np.uint32).view(np.int32), divergences)


def nearest(parts: Iterable[Neighbours], kept: int) -> Neighbours:
    """The ``kept`` nearest of several lists over the same target images.

    Equal divergences are ordered by the image's number, so that the result does not depend on
    the order of the parts, which are looked at one after the other.
    """
    found: NearestSoFar | None = None
    for part in parts:
        if found is None:
            targets = part.targets
            found = NearestSoFar(targets, kept, part.sources.shape[1])
        elif not np.array_equal(part.targets, targets):
            raise UserError(
                "Neighbour lists of different target images cannot be joined. Remove the files of "
                "this pairing's `neighbours` folder and run again."
            )
        found.add(part.sources, part.divergences)
    assert found is not None
    return found.lists()


def one_after_another(parts: Sequence[Neighbours]) -> Neighbours:
    """Equally long lists of several blocks of target images as one."""
    return Neighbours(
        np.concatenate([part.targets for part in parts]),
        np.concatenate([part.sources for part in parts]),
        np.concatenate([part.divergences for part in parts]),
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
    parts = (
        replace(part, sources=of_shard[part.sources])
        for part, of_shard in zip(map(read_neighbours, paths), numbers, strict=True)
    )
    merged = nearest(parts, on_file)
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
