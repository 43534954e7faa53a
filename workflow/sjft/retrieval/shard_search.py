"""Search of one source shard: its nearest images to every target image, by the chosen backend."""

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sjft.retrieval.blocks import Sizes
from sjft.retrieval.budget import candidates_per_shard, kept_per_shard
from sjft.retrieval.histograms import (
    HistogramFile,
    Histograms,
    concatenate,
    open_histograms,
    read_histograms,
)
from sjft.retrieval.index import search_backend
from sjft.retrieval.index.backend import IndexFiles, VectorIndex
from sjft.retrieval.neighbours import Neighbours, write_neighbours
from sjft.retrieval.projection import Projection, read_projection
from sjft.retrieval.search import search_candidates, search_exactly
from sjft.settings.retrieval import RetrievalSettings

LOG = logging.getLogger(__name__)


def search_shard(
    targets: Histograms,
    sources: Histograms | HistogramFile,
    index_files: Sequence[Path],
    *,
    kept: int,
    candidates: int,
    settings: RetrievalSettings,
    memory: int,
    needed: int | None = None,
) -> Neighbours:
    """Each target image's ``kept`` nearest images of one shard, by the configured backend.

    ``index_files`` are what the backend needs: projection, index and its record; the projection
    alone; or none. ``candidates`` is what an index is asked for, ``memory`` what the job may use,
    in bytes. ``needed`` is how many of a list are expected to be among the nearest of all shards:
    by default, all.
    """
    if not len(targets.images):
        none = np.empty((0, kept))
        return Neighbours(targets.images, none.astype(np.int32), none.astype(np.float32))
    files = list(index_files)
    shard = _Shard(
        *(targets, sources, settings, memory, kept, candidates, needed or kept),
        projection_file=files[0] if files else None,
        files=IndexFiles(*files[1:]) if len(files) > 1 else None,
    )
    return search_backend(settings.backend).search(shard)


@dataclass
class _Shard:
    """A shard before a backend: see `sjft.retrieval.index.backend.Shard`."""

    targets: Histograms
    sources: Histograms | HistogramFile
    settings: RetrievalSettings
    memory: int
    kept: int
    candidates: int
    needed: int
    projection_file: Path | None
    files: IndexFiles | None

    @property
    def sizes(self) -> tuple[Sizes, Sizes]:
        bins, item_bytes = self.targets.counts[0].size, self.targets.counts.itemsize
        sides = (self.targets.images, self.sources.images)
        target, source = (Sizes(len(images), bins, item_bytes) for images in sides)
        return target, source

    @property
    def made_from(self) -> Mapping[str, str]:
        return {"projection": self._projection.digest, "histograms": self._whole.digest}

    def vectors(self) -> NDArray[np.float32]:
        return self._projection.project(self._whole)

    def among(self, index: VectorIndex) -> Neighbours:
        settings = self.settings
        LOG.info("%d candidates a target image, of which %d are kept", self.candidates, self.kept)
        return search_candidates(
            *(self.targets, self._projection.project(self.targets), self._whole, index),
            *(self.kept, self.candidates, settings.epsilon, settings.device),
        )

    def exactly(self) -> Neighbours:
        # Where it was read for an index's candidates, it is there already.
        sources = self.__dict__.get("_whole", self.sources)
        settings = self.settings
        return search_exactly(
            *(self.targets, sources, self.kept, settings.epsilon, self.memory, settings.device)
        )

    def truth(self, rows: NDArray[np.int64], depth: int) -> Neighbours:
        targets = self.targets.take(rows)
        return search_exactly(targets, self._whole, depth, self.settings.epsilon)

    @cached_property
    def _whole(self) -> Histograms:
        return self.sources.read() if isinstance(self.sources, HistogramFile) else self.sources

    @cached_property
    def _projection(self) -> Projection:
        assert self.projection_file is not None, "a backend without `needs_projection` asks for it"
        return read_projection(self.projection_file)


@dataclass(frozen=True)
class ShardFiles:
    """What the search of a source's shard reads.

    ``targets`` are the histograms of the target's images, ``index`` what the backend needs (see
    `search_shard`).
    """

    targets: Sequence[Path]
    sources: Path
    index: Sequence[Path]


def write_nearest_of_shard(
    files: ShardFiles,
    output: Path,
    settings: RetrievalSettings,
    *,
    shards: int,
    memory: int,
    on_file: int | None = None,
) -> None:
    """Search one of a source's ``shards`` and write the neighbours of all target images.

    So many that the ``on_file`` nearest of all shards are among them: by default, as many as the
    settings keep. ``memory`` is what the job may use, in bytes.
    """
    targets = concatenate([read_histograms(path) for path in files.targets])
    with open_histograms(files.sources, targets.digest_of_bins) as sources:
        sizes = on_file or settings.neighbours_on_file, len(sources.images), shards
        kept = kept_per_shard(*sizes)
        LOG.info("%d neighbours are kept of this shard", kept)
        factor = search_backend(settings.backend).candidates_factor(settings)
        found = search_shard(
            targets,
            sources,
            files.index,
            kept=kept,
            candidates=candidates_per_shard(*sizes, factor),
            settings=settings,
            memory=memory,
            needed=math.ceil(sizes[0] / shards),
        )
        write_neighbours(
            output,
            found,
            # Not by what it was computed: shards that were searched on a GPU join the others.
            config=settings.model_dump(mode="json", exclude={"device"}),
            inputs={"bins": targets.digest_of_bins, "sources": sources.digest},
        )
