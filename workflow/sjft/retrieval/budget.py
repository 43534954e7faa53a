"""How long a shard's lists must be, and how many candidates they are chosen from."""

import math
from functools import lru_cache

# The chance that a shard holds more of an image's nearest than it gives. Neighbours that are cut
# off are lost for good, and there are millions of images and shards.
CHANCE_OF_A_CUT = 1e-12
# How many more, in standard deviations, than a shard's share. A candidate that is missing costs a
# little recall.
CANDIDATE_DEVIATIONS = 3.0
# Of few, more are missed than the deviation says. So many more find 0.99 of them as well; they
# fade out towards a share of `SHARE_WITHOUT`, which finds as much without.
MORE_CANDIDATES, SHARE_WITHOUT = 10, 300
# A candidate costs as much as this many pairs of the exact search, with what it adds for the other
# images of the group (benchmarks/search.py).
CANDIDATE_COST = 10.0


@lru_cache(maxsize=4096)
def kept_per_shard(on_file: int, shard_images: int, shards: int) -> int:
    """How many neighbours a shard must give, so that the K best of all S shards are among them.

    Each image's shard is drawn by a hash: of K neighbours a shard holds a binomial number, K / S on
    average, and more than are given with a chance of `CHANCE_OF_A_CUT` at most. With one shard
    this is K.
    """
    most = min(shard_images, on_file)
    if shards == 1:
        return most
    share = 1 / shards
    kept = math.ceil(on_file * share)
    while kept < most and _chance_of_more(kept, on_file, share) > CHANCE_OF_A_CUT:
        kept += 1
    return min(kept, most)


def _chance_of_more(kept: int, drawn: int, share: float) -> float:
    """An upper bound of the chance that more than ``kept`` >= the mean of ``drawn`` are drawn.

    The binomial's terms fall from the first on by no less than that does to the next: their sum
    is at most the geometric series of both.
    """
    first = kept + 1
    if first > drawn:
        return 0.0
    ways = math.lgamma(drawn + 1) - math.lgamma(first + 1) - math.lgamma(drawn - first + 1)
    term = math.exp(ways + first * math.log(share) + (drawn - first) * math.log1p(-share))
    ratio = (drawn - first) / (first + 1) * share / (1 - share)
    return term / (1 - ratio)


def candidates_per_shard(
    on_file: int, shard_images: int, shards: int, candidates_factor: float
) -> int:
    """How many candidates a shard's index is asked for, for each target image.

    Its share E of ``candidates_factor`` * K, and `CANDIDATE_DEVIATIONS` times sqrt(E) more: a shard
    may hold more than its share, and the projection may put some of the nearest behind others. Up
    to `MORE_CANDIDATES` on top where the share is small. At least as many as are kept.
    """
    share = on_file * candidates_factor / shards
    more = MORE_CANDIDATES * max(0.0, 1 - share / SHARE_WITHOUT)
    wanted = math.ceil(share + CANDIDATE_DEVIATIONS * math.sqrt(share) + more)
    return min(shard_images, max(wanted, kept_per_shard(on_file, shard_images, shards)))
