"""How many candidates and neighbours each shard gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from sjft.retrieval.budget import CHANCE_OF_A_CUT, candidates_per_shard, kept_per_shard
from sjft.retrieval.index.auto import cheaper_backend


@given(on_file=st.integers(1, 6000), images=st.integers(1, 10**6))
def test_one_shard_gives_all_that_are_kept(on_file: int, images: int) -> None:
    assert kept_per_shard(on_file, images, 1) == min(on_file, images)


@given(on_file=st.integers(1, 6000), images=st.integers(1, 10**5), shards=st.integers(1, 9999))
def test_a_shard_gives_at_least_its_share_and_at_most_all(
    on_file: int, images: int, shards: int
) -> None:
    kept = kept_per_shard(on_file, images, shards)
    assert 1 <= kept <= min(on_file, images)
    assert kept_per_shard(on_file, 3, shards) <= 3  # a shard of few images
    assert kept >= min(images, on_file, on_file / shards)


@pytest.mark.parametrize("shards", [2, 7, 40])
def test_random_shards_hold_the_truly_nearest_among_those_that_they_give(shards: int) -> None:
    rng = np.random.default_rng(shards)
    images, on_file = 4000, 300
    for _ in range(200):
        assignment = rng.integers(0, shards, images)
        sizes = np.bincount(assignment, minlength=shards)
        of_nearest = np.bincount(assignment[:on_file], minlength=shards)
        kept = [kept_per_shard(on_file, int(size), shards) for size in sizes]
        assert (of_nearest <= kept).all()


@given(on_file=st.integers(1, 6000), images=st.integers(1, 10**5), shards=st.integers(2, 2000))
def test_a_shard_hardly_ever_holds_more_of_the_nearest_than_it_gives(
    on_file: int, images: int, shards: int
) -> None:
    kept = kept_per_shard(on_file, images, shards)
    if kept < min(on_file, images):
        assert binom.sf(kept, on_file, 1 / shards) <= CHANCE_OF_A_CUT
    if kept > -(-on_file // shards):  # and gives hardly more than that asks for
        assert binom.sf(kept - 1, on_file, 1 / shards) > CHANCE_OF_A_CUT / 2


@pytest.mark.parametrize(("candidates", "chosen"), [(50, "flat"), (2000, "exact")])
def test_auto_says_what_it_takes(
    candidates: int, chosen: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    assert cheaper_backend(600, 5000, 8000, candidates, 128) == chosen
    assert f"auto takes `{chosen}`" in caplog.text


def test_candidates_have_a_margin_of_their_own_and_never_exceed_the_shard() -> None:
    assert candidates_per_shard(100, 5000, 1, 4.0) == 460
    assert candidates_per_shard(100, 30, 4, 4.0) == 30
    few, many = (candidates_per_shard(5000, 5000, 256, factor) for factor in (1.0, 4.0))
    assert few == kept_per_shard(5000, 5000, 256)
    assert 20000 / 256 < many < 4 * few
    assert candidates_per_shard(100, 5000, 40, 1.5) == 20  # 10 of these for few being few
    wanted = [candidates_per_shard(number, 5000, 1, 1.0) for number in range(1, 1000)]
    assert wanted == sorted(wanted)
