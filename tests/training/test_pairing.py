"""Pairing: which images stand in a batch."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import images_table, random_neighbours, source_table

from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours
from sjft.selection.subset import Manifest, select_neighbours
from sjft.settings.selection import SelectionSettings
from sjft.training.class_balance import ClassBalance
from sjft.training.pairing import (
    AnySource,
    NoSource,
    Pairing,
    Pairs,
    nearness,
    own_neighbours,
    source_choice,
)

TARGETS = images_table([0] * 6, folder="target")
SOURCES = source_table([0, 1, 2, 3, 4] * 6, folder="source")


def both(pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the targets, and of the subset."""
    return pairs.targets, pairs.sources


def selected(lists: Neighbours, counts: list[int], least: int = 1) -> Manifest:
    settings = SelectionSettings(initial_neighbours=1, least_images_per_class=least)
    return select_neighbours(TARGETS, SOURCES, lists, np.array(counts, float), settings)


@given(
    targets=st.integers(1, 30),
    size=st.integers(1, 40),
    epochs=st.integers(1, 4),
    seed=st.integers(0, 2**62),
)
def test_each_target_image_comes_once_before_any_comes_again(
    targets: int, size: int, epochs: int, seed: int
) -> None:
    pairing = Pairing(targets, size, NoSource(), seed)
    steps = -(-targets * epochs // size)
    drawn = np.concatenate([pairing.batch(step).targets for step in range(steps)])
    for epoch in range(epochs):
        part = drawn[epoch * targets : (epoch + 1) * targets]
        assert sorted(part) == list(range(targets))
    assert len(drawn) == steps * size


def test_epochs_are_shuffled_anew() -> None:
    pairing = Pairing(50, 50, NoSource(), 1)
    orders = [tuple(pairing.batch(step).targets) for step in range(5)]
    assert len({*orders, tuple(range(50))}) == 6


@given(
    counts=st.lists(st.integers(1, 10), min_size=6, max_size=6),
    least=st.integers(1, 3),
    seed=st.integers(0, 1000),
)
def test_beside_a_target_image_stands_one_of_its_own_usable_neighbours(
    counts: list[int], least: int, seed: int
) -> None:
    lists = random_neighbours(seed, 6, 30, 10)
    try:
        manifest = selected(lists, counts, least)
    except UserError:  # an image without a usable neighbour
        manifest = selected(lists, counts)
    pairing = Pairing(6, 4, own_neighbours(manifest, lists), seed)
    images = manifest.subset["image"].to_numpy()
    for step in range(20):
        pairs = pairing.batch(step)
        assert len(pairs.targets) == len(pairs.sources) == 4
        assert pairs.source_weights is None
        for target, source in zip(pairs.targets, pairs.sources, strict=True):
            assert images[source] in lists.sources[target, : counts[target]]


def test_all_of_its_neighbours_are_drawn_about_alike() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    counts = [1, 2, 3, 5, 8, 10]
    manifest = selected(lists, counts)
    pairing = Pairing(6, 6, own_neighbours(manifest, lists), 0)
    images = manifest.subset["image"].to_numpy()
    drawn = [Counter[int]() for _ in range(6)]
    for step in range(2000):
        for target, source in zip(*both(pairing.batch(step)), strict=True):
            drawn[target][int(images[source])] += 1
    for target, count in enumerate(counts):
        assert set(drawn[target]) == set(lists.sources[target, :count].tolist())
        deviation = (2000 / count * (1 - 1 / count)) ** 0.5
        for times in drawn[target].values():
            assert abs(times - 2000 / count) <= 5 * deviation


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    choice = own_neighbours(selected(lists, [4] * 6), lists)
    forwards = [both(Pairing(6, 4, choice, 7).batch(step)) for step in range(30)]
    one = Pairing(6, 4, choice, 7)
    for step in reversed(range(30)):
        np.testing.assert_array_equal(both(one.batch(step)), forwards[step])


def test_another_seed_draws_other_batches() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    choice = own_neighbours(selected(lists, [8] * 6), lists)
    batches = [
        np.array([both(Pairing(6, 6, choice, s).batch(t)) for t in range(9)]) for s in (1, 2)
    ]
    assert (batches[0][:, 0] != batches[1][:, 0]).any()
    assert (batches[0][:, 1] != batches[1][:, 1]).any()


def test_hard_images_come_more_often_and_bring_their_own_neighbours() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    choice = own_neighbours(selected(lists, [2] * 6), lists)
    labels, draws = np.array([0, 0, 0, 1, 1, 1]), np.array([1, 5, 1, 1, 3, 1])
    pairing = Pairing(6, 4, choice, 7, draws, ClassBalance(labels, 2))
    drawn = [both(pairing.batch(step)) for step in range(9)]  # three epochs
    assert np.bincount(np.concatenate([rows for rows, _ in drawn])).tolist() == (3 * draws).tolist()
    for rows, sources in drawn:
        for row, source in zip(rows, sources, strict=True):
            assert source in choice.rows[choice.start[row] : choice.start[row] + 2]


def test_any_source_draws_all_of_the_subset_alike() -> None:
    pairing = Pairing(6, 10, AnySource(8), 0)
    drawn = np.concatenate([pairing.batch(step).sources for step in range(400)])
    times = np.bincount(drawn, minlength=8)
    assert len(times) == 8
    assert np.abs(times - 500).max() < 110  # five deviations


def test_no_source_draws_nothing() -> None:
    targets, sources = both(Pairing(6, 10, NoSource(), 0).batch(3))
    assert len(targets) == 10
    assert len(sources) == 0
    assert sources.dtype == np.int64


def test_a_manifest_of_other_target_images_is_refused() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    manifest = selected(lists, [4] * 6)
    other = Neighbours(lists.targets + 1, lists.sources, lists.divergences)
    with pytest.raises(UserError, match="not those of the neighbour lists"):
        own_neighbours(manifest, other)
    with pytest.raises(UserError, match="not those of the neighbour lists"):
        own_neighbours(manifest, lists.take(np.arange(5)))


def test_a_manifest_that_asks_for_more_than_is_on_file_is_refused() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    manifest = selected(lists, [4, 4, 4, 4, 4, 10])
    short = Neighbours(lists.targets, lists.sources[:, :9], lists.divergences[:, :9])
    with pytest.raises(UserError, match="asks for 10 neighbours of an image, but 9"):
        own_neighbours(manifest, short)


def test_a_subset_that_leaves_a_target_image_nothing_of_its_own_is_refused() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    manifest = selected(lists, [1, 4, 4, 4, 4, 4])
    nearest = int(lists.sources[0, 0])
    edited = Manifest(manifest.subset.filter(pl.col("image") != nearest), manifest.targets)
    first = manifest.targets["path"][0]
    with pytest.raises(UserError, match=rf"^{first}: none of .* stands in subset\.csv \(1 such"):
        own_neighbours(edited, lists)


@given(seed=st.integers(0, 1000), scale=st.floats(1e-3, 1e3))
def test_the_nearer_of_a_batch_count_more_by_their_divergences(seed: int, scale: float) -> None:
    lists = random_neighbours(seed, 6, 30, 10)
    manifest = selected(lists, [4] * 6)
    plain, weighted = (
        Pairing(6, 5, own_neighbours(manifest, lists, each), seed) for each in (None, scale)
    )
    images = manifest.subset["image"].to_numpy()
    for step in range(6):
        pairs = weighted.batch(step)
        np.testing.assert_array_equal(both(pairs), both(plain.batch(step)))
        place = [
            list(lists.sources[target]).index(images[source])
            for target, source in zip(*both(pairs), strict=True)
        ]
        divergences = lists.divergences[pairs.targets, place].astype(np.float64)
        shares = np.exp(-(divergences - divergences.min()) / scale)
        assert pairs.source_weights is not None
        assert pairs.source_weights.dtype == np.float32
        wanted = shares / shares.sum()
        np.testing.assert_allclose(pairs.source_weights / 5, wanted, rtol=1e-5, atol=1e-12)
        assert pairs.source_weights.sum() == pytest.approx(5, rel=1e-5)


def test_divergences_far_above_the_scale_leave_a_weight() -> None:
    weights = nearness(np.array([9000.0, 9000.5, 20000.0], np.float32), 0.5)
    np.testing.assert_allclose(weights, np.array([1, np.exp(-1), 0]) / (1 + np.exp(-1)) * 3)
    np.testing.assert_array_equal(nearness(np.zeros(4, np.float32), 1e-9), np.ones(4))


def test_weights_are_shared_with_their_pairs() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    pairs = Pairing(6, 4, own_neighbours(selected(lists, [4] * 6), lists, 2.0), 7).batch(3)
    part = pairs.share(slice(1, None, 2))
    assert pairs.source_weights is not None
    np.testing.assert_array_equal(part.targets, pairs.targets[1::2])
    np.testing.assert_array_equal(part.sources, pairs.sources[1::2])
    np.testing.assert_array_equal(part.source_weights, pairs.source_weights[1::2])
    assert Pairing(6, 4, AnySource(8), 7).batch(3).share(slice(1)).source_weights is None


def test_images_that_are_nobodys_neighbours_have_no_divergence_to_be_weighted_by() -> None:
    lists = random_neighbours(5, 6, 30, 10)
    manifest = selected(lists, [4] * 6)
    with pytest.raises(UserError, match=r"^training.source_loss_scale: .* are `random`\. Give it"):
        source_choice("random", manifest, None, 2.0)
    assert source_choice("none", manifest, None, 2.0) == NoSource()
