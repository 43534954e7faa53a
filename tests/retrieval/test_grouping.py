"""Groups of similar images: each image in one, and those that lie together in the same."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sjft.retrieval.grouping import groups_of_similar


@given(rows=st.integers(0, 400), largest=st.integers(1, 60), seed=st.integers(0, 9))
def test_groups_hold_every_row_once(rows: int, largest: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).integers(0, 4, (rows, 3)).astype(np.float32)
    groups = groups_of_similar(vectors, largest)
    assert all(len(group) <= largest for group in groups)
    assert sorted(np.concatenate(groups).tolist()) == list(range(rows))


def test_groups_hold_what_lies_together() -> None:
    place = np.array([0, 9, 0, 9, 9, 0, 0, 9], np.float32)
    vectors = np.stack([place, np.linspace(0, 1, 8, dtype=np.float32)], axis=1)
    groups = sorted(sorted(group.tolist()) for group in groups_of_similar(vectors, 4))
    assert groups == [[0, 2, 5, 6], [1, 3, 4, 7]]
