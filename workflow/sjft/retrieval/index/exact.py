"""No index: every pair of images is compared by the divergence."""

from typing import ClassVar

from sjft.retrieval.blocks import Sizes, bytes_of_exact_search
from sjft.retrieval.index.backend import Backend, Shard, Work
from sjft.retrieval.neighbours import Neighbours
from sjft.settings.retrieval import RetrievalSettings


class Exact(Backend):
    """What recall is measured with."""

    needs_projection: ClassVar[bool] = False

    def search(self, shard: Shard) -> Neighbours:
        """See `Backend`."""
        return shard.exactly()

    def candidates_factor(self, settings: RetrievalSettings) -> float:
        """No more candidates than neighbours: none are asked for."""
        return 1.0

    def search_bytes(
        self, targets: Sizes, sources: Sizes, kept: int, settings: RetrievalSettings
    ) -> int:
        """The shard is streamed: its size does not matter."""
        return bytes_of_exact_search(targets, kept)

    def search_seconds(self, work: Work) -> float:
        """See `Backend`."""
        return work.exact

    def advice(self, settings: RetrievalSettings) -> str:
        """Nothing is left out, but what a file does not say."""
        return (
            "`backend: exact` compares every pair: remove this pairing's neighbours/ and run again."
        )


BACKEND = Exact()
