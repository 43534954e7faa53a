"""What a search needs: settings, histograms, a projection and an index on disk."""

from pathlib import Path

import numpy as np

from sjft.retrieval.histograms import KIND, VERSION, Histograms
from sjft.retrieval.index.annoy import build_annoy_index
from sjft.retrieval.projection import fit_projection, read_projection
from sjft.settings.retrieval import RetrievalSettings
from sjft.storage.hdf5 import Variable, create_hdf5


def settings(**changes: object) -> RetrievalSettings:
    """Settings of a retrieval, with some keys changed."""
    return RetrievalSettings.model_validate({"bank": "fake", **changes})


def shards_of(sources: Histograms, assignment: np.ndarray) -> list[Histograms]:
    """The images of each shard, by the shard of each image."""
    return [sources.take(np.flatnonzero(assignment == shard)) for shard in np.unique(assignment)]


class EverythingIndex:
    """Gives the first rows of the shard, whatever is asked."""

    def __init__(self, items: int) -> None:
        self._items = items

    def candidates(self, vectors: np.ndarray, number: int) -> np.ndarray:
        number = min(number, self._items)
        return np.tile(np.arange(number, dtype=np.int32), (len(vectors), 1))


def save_histograms(path: Path, histograms: Histograms) -> Path:
    """Write histograms as the rule does."""
    with create_hdf5(
        path, kind=KIND, version=VERSION, config={}, inputs={"bins": histograms.digest_of_bins}
    ) as writer:
        writer.add("image", Variable(histograms.images, ("image",), "Images"))
        writer.add("positions", Variable(histograms.positions, ("channel",), "Positions"))
        writer.add("weight", Variable(histograms.weight, ("channel",), "Weights"))
        writer.add("count", Variable(histograms.counts, ("image", "channel", "bin"), "Counts"))
    return path


def pairing_on_disk(folder: Path, targets: Histograms, source: Histograms) -> list[Path]:
    """Projection, index and record, as the rules make them."""
    files = [folder / name for name in ("projection.h5", "a.ann", "a.json")]
    fit_projection(
        targets, epsilon=2.2e-16, dimensions=8, sample=99, seed=0, output=files[0], inputs={}
    )
    projection = read_projection(files[0])
    made_from = {"projection": projection.digest, "histograms": source.digest}
    vectors = projection.project(source)
    build_annoy_index(vectors, settings().annoy, 0, files[1], files[2], made_from)
    return files


BACKENDS = {"annoy": 3, "flat": 1, "auto": 1, "exact": 0}
