"""How long a shard's lists must be, and how many candidates they are chosen from."""

import math

# How far, in standard deviations, a shard's share of a list may exceed the expected one.
SAFETY_DEVIATIONS = 6.0
# A candidate that is missing costs a little recall, a neighbour that is cut off is lost for good.
CANDIDATE_DEVIATIONS = 3.0
# Of few, more are missed than the deviation says. So many more find 0.99 of them as well; they
# fade out towards a share of `SHARE_WITHOUT`, which finds as much without.
MORE_CANDIDATES, SHARE_WITHOUT = 10, 300
# A candidate costs as much as this many pairs of the exact search, with what it adds for the other
# images of the group (benchmarks/search.py).
CANDIDATE_COST = 10.0


def kept_per_shard(on_file: int, shard_images: int, shards: int) -> int:
    """How many neighbours a shard must give, so that the K best of all S shards are among them.

    Each image's shard is drawn by a hash: of K neighbours a shard holds K / S on average, with a
    binomial deviation; `SAFETY_DEVIATIONS` of them are added. With one shard this is K.
    """
    share = 1 / shards
    expected = on_file * share
    spread = SAFETY_DEVIATIONS * math.sqrt(expected * (1 - share))
    return min(shard_images, on_file, math.ceil(expected + spread))


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
