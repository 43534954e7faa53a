"""Epochs: each image as often as it should, and classes spread over the batches."""

import pickle
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sjft.training import class_balance
from sjft.training.class_balance import ClassBalance, spread
from sjft.training.epochs import Epochs

MOST = 2


def held(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.bincount(labels[rows], minlength=labels.max() + 1)


def limits_by_hand(labels: np.ndarray, size: int) -> list[int]:
    """The most of a class in a batch: two, or the least whole number that lets all of them come."""
    number = len(labels)
    return [
        next(k for k in range(MOST, number + MOST + size) if k * number >= size * own)
        for own in np.bincount(labels)
    ]


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=25),
    draws=st.data(),
    size=st.integers(1, 30),
    balanced=st.booleans(),
    seed=st.integers(0, 2**62),
)
def test_each_image_comes_as_often_as_it_should_in_every_epoch(
    labels: list[int], draws: st.DataObject, size: int, balanced: bool, seed: int
) -> None:
    number = len(labels)
    times = draws.draw(st.lists(st.integers(1, 4), min_size=number, max_size=number))
    listed = np.repeat(np.arange(number), times)
    epochs = Epochs(listed, size, seed, ClassBalance(np.array(labels), MOST) if balanced else None)
    steps = -(-4 * len(listed) // size)
    drawn = np.concatenate([epochs.batch(step) for step in range(steps)])
    for epoch in range(4):
        part = drawn[epoch * len(listed) : (epoch + 1) * len(listed)]
        assert Counter(part.tolist()) == Counter(listed.tolist())


@given(
    labels=st.lists(st.integers(0, 5), min_size=4, max_size=40),
    size=st.integers(1, 12),
    seed=st.integers(0, 2**62),
)
def test_a_surplus_is_left_only_where_no_exchange_would_take_it_away(
    labels: list[int], size: int, seed: int
) -> None:
    of_image = np.array(labels)
    number = len(labels) // size * size  # so that no batch reaches into another epoch
    if not number:
        return
    of_image = of_image[:number]
    epochs = Epochs(np.arange(number), size, seed, ClassBalance(of_image, MOST))
    allowed = np.array(limits_by_hand(of_image, size))
    batches = [held(of_image, epochs.batch(step)) for step in range(number // size)]
    for batch in batches:
        for surplus in np.flatnonzero(batch > allowed):
            for other in batches:
                for there in np.flatnonzero(other):
                    assert not (batch[there] < allowed[there] and other[surplus] < allowed[surplus])


@pytest.mark.parametrize(
    ("labels", "size"),
    [
        (np.repeat(np.arange(67), 80), 10),  # as Indoor 67, in the authors' batches
        (np.repeat(np.arange(10), 7), 9),
        (np.repeat(np.arange(5), [60, 10, 10, 5, 5]), 6),  # a third of a batch and more is of one
        (np.arange(40), 12),
    ],
)
def test_batches_keep_the_limits_across_epochs_too(labels: np.ndarray, size: int) -> None:
    allowed = limits_by_hand(labels, size)
    without = Epochs(np.arange(len(labels)), size, 1)
    epochs = Epochs(np.arange(len(labels)), size, 1, ClassBalance(labels, MOST))
    steps = 5 * len(labels) // size
    over = [(held(labels, epochs.batch(step)) > allowed).any() for step in range(steps)]
    assert not any(over)
    if len(set(labels)) < len(labels):
        assert any((held(labels, without.batch(step)) > allowed).any() for step in range(steps))


@pytest.mark.parametrize("seed", range(20))
def test_a_batch_of_two_epochs_keeps_the_limits_of_both_together(seed: int) -> None:
    labels = np.repeat(np.arange(10), 7)
    epochs = Epochs(np.arange(70), 9, seed, ClassBalance(labels, MOST))
    assert all(held(labels, epochs.batch(step)).max() <= MOST for step in range(4 * 70 // 9))


@given(size=st.integers(1, 20), seed=st.integers(0, 2**62), balanced=st.booleans())
def test_a_batch_depends_on_seed_and_step_alone(size: int, seed: int, balanced: bool) -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 2])

    def fresh() -> Epochs:
        return Epochs(np.arange(7), size, seed, ClassBalance(labels, MOST) if balanced else None)

    one = fresh()
    forwards = [one.batch(step) for step in range(12)]
    for step in (7, 0, 11, 3):
        np.testing.assert_array_equal(fresh().batch(step), forwards[step])
        np.testing.assert_array_equal(one.batch(step), forwards[step])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(one)).batch(5), forwards[5])


def test_balance_disturbs_no_more_than_it_must() -> None:
    labels = np.repeat(np.arange(30), 4)
    plain = Epochs(np.arange(120), 10, 3)
    balanced = Epochs(np.arange(120), 10, 3, ClassBalance(labels, MOST))
    same = [plain.batch(step) == balanced.batch(step) for step in range(12)]
    assert np.mean(same) > 0.9


def test_a_surplus_looks_no_farther_than_it_must() -> None:
    """With the classes of Places and large batches many images change places."""
    number = 320_000
    epochs = Epochs(np.arange(number), 256, 0, ClassBalance(np.arange(number) % 365, MOST))
    before = time.process_time()
    first = epochs.batch(0)
    assert time.process_time() - before < 3  # where each looked at all places: 16 seconds
    assert held(np.arange(number) % 365, first).max() <= MOST


@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=60),
    size=st.integers(1, 12),
    piece=st.integers(1, 9),
)
def test_what_changes_places_does_not_depend_on_the_pieces(
    labels: list[int], size: int, piece: int
) -> None:
    classes = np.array(labels)
    batches = np.arange(len(classes)) // size
    held_before = np.zeros((batches[-1] + 1, 5), np.int64)
    limits = ClassBalance(classes, MOST).limits(classes, size)
    limits = np.pad(limits, (0, 5 - len(limits)), constant_values=MOST)
    given_all = (classes, batches, held_before, limits)
    whole = spread(*given_all)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(class_balance, "PLACES_AT_FIRST", piece)
        np.testing.assert_array_equal(spread(*given_all), whole)


@pytest.mark.parametrize("size", [1, 3, 7])
@pytest.mark.parametrize("labels", [[0], [0, 0], [0, 0, 0, 0, 0], [0, 1]])
def test_one_class_one_image_and_batches_larger_than_the_data_work(
    labels: list[int], size: int
) -> None:
    of_image = np.array(labels)
    epochs = Epochs(np.arange(len(labels)), size, 0, ClassBalance(of_image, MOST))
    drawn = np.concatenate([epochs.batch(step) for step in range(20)])
    times = np.bincount(drawn, minlength=len(labels))
    assert times.max() - times.min() <= 1
