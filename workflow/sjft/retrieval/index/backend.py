"""What a search backend says of itself: how it searches a shard, by which settings, at what cost.

An index answers with candidates only; the divergence decides (see `sjft.retrieval.search`).
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from sjft.retrieval.blocks import Sizes
from sjft.retrieval.neighbours import Neighbours
from sjft.settings.retrieval import RetrievalSettings

# Keys of `RetrievalSettings`, as pydantic's `include` takes them: True for all of a section, a set
# for some of its keys.
Keys = Mapping[str, bool | set[str]]


class VectorIndex(Protocol):
    """What the search needs of an index over one shard."""

    def candidates(self, vectors: NDArray[np.float32], number: int) -> NDArray[np.int32]:
        """Rows of the shard's nearest items, int32 [vectors, number], nearest first."""


@dataclass(frozen=True)
class IndexFiles:
    """A shard's index in the backend's own format, and a record of what it holds, as JSON."""

    index: Path
    record: Path


class Shard(Protocol):
    """A shard of source images, as a backend sees it, and the two ways to search it."""

    settings: RetrievalSettings
    files: IndexFiles | None  # of a backend that builds them
    kept: int  # neighbours of a target image
    candidates: int  # that an index is to be asked for, for each target image
    needed: int  # of the neighbours, how many will hardly be among the nearest of all shards

    @property
    def sizes(self) -> tuple[Sizes, Sizes]:
        """Of the target's histograms, and of the shard's."""

    @property
    def made_from(self) -> Mapping[str, str]:
        """Digests of what an index of this shard is made from."""

    def vectors(self) -> NDArray[np.float32]:
        """The shard's projected vectors, float32 [images, dimensions]."""

    def among(self, index: VectorIndex) -> Neighbours:
        """The nearest among an index's candidates, by the exact divergence."""

    def exactly(self) -> Neighbours:
        """The nearest of all, every pair compared."""

    def truth(self, rows: NDArray[np.int64], depth: int) -> Neighbours:
        """The ``depth`` nearest of all, of some target images by their rows."""


@dataclass(frozen=True)
class Work:
    """What the parts of one shard's search take, in core-seconds as measured on this machine."""

    exact: float  # every pair
    ranking: float  # reading the shard, and comparing the candidates
    projecting: float  # the shard's vectors
    asking: float  # the index, for all candidates; 0 where the backend builds none
    pairs: int  # of target and source images


class Backend(ABC):
    """A way to search a shard.

    ``searched_by`` are the settings that decide its lists, beside `epsilon` and the histograms:
    another value of these, and of no others, searches anew.
    """

    needs_projection: ClassVar[bool] = True
    searched_by: ClassVar[Keys] = {}
    built_by: ClassVar[Keys] = {}

    @abstractmethod
    def search(self, shard: Shard) -> Neighbours:
        """Each target image's ``shard.kept`` nearest."""

    @abstractmethod
    def candidates_factor(self, settings: RetrievalSettings) -> float:
        """Candidates per neighbour, over all shards; 1 where every pair is compared."""

    @abstractmethod
    def search_bytes(
        self, targets: Sizes, sources: Sizes, kept: int, settings: RetrievalSettings
    ) -> int:
        """The most memory that the search of a shard takes, beside the program's own."""

    @abstractmethod
    def search_seconds(self, work: Work) -> float:
        """Core-seconds of the search of a shard."""

    @abstractmethod
    def advice(self, settings: RetrievalSettings) -> str:
        """What to change, and from what, where too few of the nearest are found."""


class IndexBackend(Backend):
    """A backend with an index of each shard on file, which `build_index` makes.

    ``built_by`` are the settings that decide the file.
    """

    @abstractmethod
    def build(
        self,
        vectors: NDArray[np.float32],
        settings: RetrievalSettings,
        files: IndexFiles,
        made_from: Mapping[str, str],
    ) -> None:
        """Write an index of ``vectors``, float32 [items, dimensions], and its record.

        ``made_from`` are digests for the record (see `sjft.retrieval.index.record`); ``settings``
        hold the keys of ``built_by`` and `backend` alone. The same vectors give the same bytes.
        """

    @abstractmethod
    def load(
        self,
        files: IndexFiles,
        items: int,
        settings: RetrievalSettings,
        made_from: Mapping[str, str],
    ) -> VectorIndex:
        """Open what `build` has written.

        Raises `UserError` where that is damaged, or is an index of other vectors.
        """

    def search(self, shard: Shard) -> Neighbours:
        """The nearest among the index's candidates."""
        assert shard.files is not None
        _, sources = shard.sizes
        return shard.among(self.load(shard.files, sources.images, shard.settings, shard.made_from))

    @abstractmethod
    def build_bytes(self, images: int, settings: RetrievalSettings) -> int:
        """The most memory that building takes, beside the vectors."""
