"""Several sources: label spaces side by side, one ranking, shares."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import images_table, random_neighbours

from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours
from sjft.retrieval.ranking import (
    first_images,
    rank,
    shares_of_sources,
    side_by_side,
    usable_sources,
)
from sjft.selection.arms import RoundInputs, select
from sjft.settings.selection import SelectionSettings

# Both have images and classes of the same names; `web` has held-out images too.
TABLES = {
    "store": images_table([0, 0, 1, 1, 2]),
    "web": pl.concat(
        [
            images_table([0, 1, 1, 3]),
            images_table([0, 1], folder="t", split="test").with_columns(
                (pl.col("image") + 4).cast(pl.Int32)
            ),
        ]
    ),
    "attic": images_table([5, 5]),
}


def test_numbers_run_on_from_one_source_to_the_next() -> None:
    assert first_images(TABLES) == {"store": 0, "web": 5, "attic": 11}
    together = side_by_side(TABLES)
    assert together["image"].to_list() == list(range(13))
    assert together["source"].to_list() == ["store"] * 5 + ["web"] * 6 + ["attic"] * 2
    usable = usable_sources(TABLES, {})
    assert usable["image"].to_list() == [*range(9), 11, 12]


def test_classes_of_one_name_in_two_sources_are_two_classes() -> None:
    usable = usable_sources(TABLES, {})
    subset = select(
        "all",
        RoundInputs(images_table([0]), usable, None, None, None, None),
        SelectionSettings(),
        0,
    ).subset
    labels = dict(subset.select("class_name", "label").iter_rows())
    assert labels == {
        "attic/class 5": 0,
        "store/class 0": 1,
        "store/class 1": 2,
        "store/class 2": 3,
        "web/class 0": 4,
        "web/class 1": 5,
        "web/class 3": 6,
    }


def test_a_single_source_keeps_the_names_of_its_classes() -> None:
    alone = usable_sources({"store": TABLES["store"]}, {})
    assert alone.drop("source").equals(TABLES["store"])


def test_an_image_is_left_out_of_its_own_source_alone() -> None:
    usable = usable_sources(TABLES, {"web": ["a/1.png"], "attic": {"a/0.png"}})
    assert usable["image"].to_list() == [0, 1, 2, 3, 4, 5, 7, 8, 12]


@given(seed=st.integers(0, 1000), on_file=st.integers(1, 12), out=st.sets(st.integers(0, 8)))
def test_the_ranking_is_that_of_all_usable_pairs(seed: int, on_file: int, out: set[int]) -> None:
    tables = {"store": TABLES["store"], "web": TABLES["web"]}
    lists = {
        "store": random_neighbours(seed, 3, 5, 4),
        "web": random_neighbours(seed + 1, 3, 4, 4),
    }
    usable = usable_sources(tables, {})
    left_out = {
        name: usable.filter(pl.col("source") == name, pl.col("image").is_in(list(out)))["path"]
        for name in tables
    }
    # Farther than the last on file of a source, others of it may be nearer.
    cut = [found for found in lists.values() if on_file <= found.sources.shape[1]]
    known_to = [
        min((float(of.divergences[row, -1]) for of in cut), default=9.0) for row in range(3)
    ]
    wanted = [
        sorted(
            (float(d), int(s) + start)
            for name, start in (("store", 0), ("web", 5))
            for s, d in zip(lists[name].sources[row], lists[name].divergences[row], strict=True)
            if int(s) + start not in out and d <= known_to[row]
        )
        for row in range(3)
    ]
    length = min(on_file, *(len(pairs) for pairs in wanted))
    if not length:
        with pytest.raises(UserError, match="no neighbour that may be used"):
            rank(lists, tables, left_out, on_file)
        return
    ranked = rank(lists, tables, left_out, on_file)
    assert ranked.sources.tolist() == [[s for _, s in pairs[:length]] for pairs in wanted]
    assert ranked.divergences.tolist() == [[d for d, _ in pairs[:length]] for pairs in wanted]
    assert ranked.targets.tolist() == [0, 1, 2]


def test_no_image_of_one_source_takes_the_place_of_unknown_nearer_ones_of_another() -> None:
    def listed(*divergences: float) -> Neighbours:
        row = np.array([divergences], np.float32)
        return Neighbours(np.zeros(1, np.int32), np.arange(row.size, dtype=np.int32)[None], row)

    tables = {"near": images_table([0] * 10), "far": images_table([0] * 9)}
    leaks = {"near": ["a/0.png", "a/1.png"]}
    lists = {"near": listed(1, 2, 3, 4, 5), "far": listed(4.5, 5, 6, 7, 8)}
    assert rank(lists, tables, leaks, 5).divergences.tolist() == [[3, 4, 4.5, 5, 5]]
    lists["far"] = listed(20, 21, 22, 23, 24)
    assert rank(lists, tables, leaks, 5).divergences.tolist() == [[3, 4, 5]]
    # A source that has no more than are on file is known to its end.
    tables["near"] = images_table([0] * 4)
    lists["near"] = listed(1, 2, 3, 4)
    assert rank(lists, tables, leaks, 5).divergences.tolist() == [[3, 4, 20, 21, 22]]


def test_lists_that_the_leakage_check_shortens_are_said(caplog: pytest.LogCaptureFixture) -> None:
    lists = {"store": random_neighbours(3, 4, 5, 5)}
    paths = [f"a/{image}.png" for image in lists["store"].sources[2, :3]]
    ranked = rank(lists, {"store": TABLES["store"]}, {"store": paths}, 5)
    assert ranked.sources.shape == (4, 2)
    assert "2 of 5 neighbours are left to target image" in caplog.text
    caplog.clear()
    rank(lists, {"store": TABLES["store"]}, {}, 5)
    assert not caplog.text


def test_lists_over_different_target_images_are_not_ranked() -> None:
    one = random_neighbours(1, 3, 5, 4)
    other = Neighbours(one.targets + 1, one.sources, one.divergences)
    with pytest.raises(UserError, match="different target images"):
        rank({"store": one, "web": other}, TABLES, {}, 3)


def test_shares_are_those_of_the_subset_in_the_order_of_the_sources() -> None:
    usable = usable_sources(TABLES, {})
    shares = shares_of_sources(usable)
    assert list(shares) == ["store", "web", "attic"]
    assert list(shares.values()) == pytest.approx([5 / 11, 4 / 11, 2 / 11])
    assert shares_of_sources(usable[:0]) == {}
    assert np.isclose(sum(shares.values()), 1)
