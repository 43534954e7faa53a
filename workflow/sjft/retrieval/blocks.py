"""How a search is cut into blocks, for the memory that its job was given.

Another mem_mb, by `--set-resources`, gives larger or smaller ones; `sjft.pipeline.memory` says what
is declared.
"""

import math
from dataclasses import dataclass

from sjft.errors import UserError

MB = 1_000_000
# Python with the libraries, compiled functions and the buffers of matrix products: 250 to 350 MB.
BASE_MB = 500
# Beyond so many source images a block the product is not faster; below so few it is slower.
SOURCES_A_BLOCK, FEWEST_A_BLOCK = 512, 32
# Target images that are given one list of candidates by the search with an index.
TARGETS_A_GROUP = 160
# The target side of the product is cut where it would be larger.
LARGEST_TARGET_SIDE = 4000 * MB
FLOAT = 4
KEY = 8
BINS_A_RUN = 800  # whose logarithms are looked up at once (see `sjft.retrieval.fixed_point`)


@dataclass(frozen=True)
class Sizes:
    """Histograms: ``images`` of ``bins`` counts (of all channels), ``item_bytes`` each."""

    images: int
    bins: int
    item_bytes: int = 2

    @property
    def counts(self) -> int:
        """Bytes of the counts."""
        return self.images * self.bins * self.item_bytes


def bytes_a_source(bins: int, item_bytes: int) -> int:
    """Counts as they are read, and both factors."""
    return bins * (item_bytes + 2 * FLOAT)


def estimates_kept(kept: int) -> int:
    """How many images are kept by their estimates, for ``kept`` that are nearest in truth."""
    return kept + 16 + kept // 8


def bytes_a_target(bins: int, kept: int, block: int) -> int:
    """Both factors, the list so far, and what comes on top of it.

    First a block's estimates on their way into the list; then the list's pairs in the order of
    their source images, their divergences, and a run of the target's logarithms.
    """
    listed = estimates_kept(kept)
    ranked = (6 * KEY) * listed + KEY * max(BINS_A_RUN, bins // 8)
    on_top = max((3 * FLOAT + KEY) * block, ranked)
    return 2 * FLOAT * bins + KEY * max(2 * listed, listed + block) + on_top


def bytes_of_exact_search(targets: Sizes, kept: int, sources: int = SOURCES_A_BLOCK) -> int:
    """The exact search streams the shard: its size does not matter beyond a block's ``sources``."""
    images = min(sources, SOURCES_A_BLOCK)
    side = targets.images * bytes_a_target(targets.bins, kept, images)
    block = images * bytes_a_source(targets.bins, 4)
    return 2 * targets.counts + min(side + 4 * block, LARGEST_TARGET_SIDE)


def bytes_of_candidate_search(targets: Sizes, sources: Sizes, kept: int, dimensions: int) -> int:
    """Both sides' counts, the projection and its vectors, and a group of targets.

    A group has its lists, distances to all of the shard, and a product with a block of it.
    """
    vectors = FLOAT * dimensions * (targets.images + sources.images)
    projection = FLOAT * 2 * (dimensions + 2 * 256) * targets.bins
    group = TARGETS_A_GROUP * (
        sources.images * 4 * KEY + bytes_a_target(targets.bins, kept, SOURCES_A_BLOCK)
    )
    group += SOURCES_A_BLOCK * bytes_a_source(targets.bins, 4)
    lists = 3 * KEY * targets.images * kept
    return 2 * targets.counts + sources.counts + vectors + projection + group + lists


def exact_blocks(
    memory: int, targets: Sizes, kept: int, sources: int = SOURCES_A_BLOCK
) -> tuple[int, int]:
    """Target images and source images a block of the exact search, for ``memory`` bytes.

    Of the memory, the base and the targets' counts are taken already. Where all targets do not
    fit at once the shard, of so many ``sources``, is read several times. Raises `UserError` where
    nothing fits.
    """
    free = min(memory - BASE_MB * MB - 2 * targets.counts, LARGEST_TARGET_SIDE)
    block = max(1, min(sources, SOURCES_A_BLOCK))  # all images of a shard may have been skipped
    while block > FEWEST_A_BLOCK and block * bytes_a_source(targets.bins, 4) > free / 4:
        block //= 2
    free -= block * bytes_a_source(targets.bins, 4)
    fitting = int(free // bytes_a_target(targets.bins, kept, block))
    if fitting < min(targets.images, FEWEST_A_BLOCK):
        raise UserError(
            f"{memory // MB} MB are too little to search {targets.images} images of {targets.bins} "
            "bins. Give the job more: --set-resources search_shard:mem_mb=... (likewise "
            "merge_neighbours, find_leakage, find_duplicates)."
        )
    passes = math.ceil(targets.images / fitting)
    return math.ceil(targets.images / passes), block


def fits_beside(memory: int | None, targets: Sizes, sources: Sizes, kept: int, rows: int) -> bool:
    """Whether a shard's counts fit into ``memory`` whole, beside ``rows`` targets at once.

    Then it is read once, and not once for the estimates and once for what they point out. Without
    a limit: where it is not much larger than what `bytes_of_exact_search` leaves free.
    """
    block = SOURCES_A_BLOCK * bytes_a_source(targets.bins, 4)
    if memory is None:
        return sources.counts <= 3 * block
    side = rows * bytes_a_target(targets.bins, kept, SOURCES_A_BLOCK)
    return sources.counts <= memory - BASE_MB * MB - 2 * targets.counts - side - block
