"""Subsets and arms: which source images a round uses."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import images_table, random_neighbours, source_table

from sjft.errors import UserError
from sjft.retrieval.neighbours import Neighbours
from sjft.selection.arms import RoundInputs, select
from sjft.selection.subset import (
    Manifest,
    grown_levels,
    initial_levels,
    neighbour_counts,
    read_manifest,
    select_all,
    select_at_random,
    select_neighbours,
    usable_images,
    write_manifest,
)
from sjft.settings.selection import SelectionSettings, Sources
from sjft.storage.files import stable_integer, write_table
from sjft.training.pairing import AnySource, NoSource, OwnNeighbours, source_choice

SETTINGS = SelectionSettings(initial_neighbours=3, entropy_threshold=0.1)
SOURCES = source_table([2, 2, 5, 5, 5, 7, 7, 9] * 5, folder="source")
TARGETS = images_table([0, 1] * 4, folder="target")
LISTS = random_neighbours(1, 8, 40, 12)


def chosen(
    counts: list[int], settings: SelectionSettings = SETTINGS, lists: Neighbours = LISTS
) -> Manifest:
    levels = np.array(counts) / settings.initial_neighbours
    return select_neighbours(TARGETS, SOURCES, lists, levels, settings)


def inputs(**changes: object) -> RoundInputs:
    everything: dict[str, object] = {
        "targets": TARGETS,
        "sources": SOURCES,
        "neighbours": None,
        "last_targets": None,
        "last_difficulty": None,
        "as_many_as": None,
    }
    return RoundInputs(**{**everything, **changes})  # type: ignore[arg-type]


@given(
    levels=st.lists(st.integers(1, 12), min_size=1, max_size=8),
    answers=st.data(),
    k0=st.integers(1, 20),
    on_file=st.integers(50, 90),
)
def test_hard_images_bring_more_neighbours(
    levels: list[int], answers: st.DataObject, k0: int, on_file: int
) -> None:
    settings = SelectionSettings(
        initial_neighbours=k0, entropy_threshold=0.1, highest_sampling_level=12
    )
    number = len(levels)
    correct = answers.draw(st.lists(st.booleans(), min_size=number, max_size=number))
    entropies = answers.draw(
        st.lists(st.sampled_from([0.0, 0.0999, 0.1, 2.0]), min_size=number, max_size=number)
    )
    grown = grown_levels(np.array(levels, float), np.array(correct), np.array(entropies), settings)
    before = neighbour_counts(np.array(levels, float), settings, on_file)
    after = neighbour_counts(grown, settings, on_file)
    for row, (right, entropy) in enumerate(zip(correct, entropies, strict=True)):
        growth = 4 if not right else 2 if entropy >= 0.1 else 0
        assert grown[row] == min(levels[row] + growth, 12)
        assert before[row] == min(levels[row] * k0, on_file)
        assert after[row] == min((levels[row] + growth) * k0, 12 * k0, on_file)


@given(k0=st.integers(1, 100), on_file=st.integers(1, 100), targets=st.integers(0, 5))
def test_the_first_round_starts_with_k0_or_what_is_on_file(
    k0: int, on_file: int, targets: int
) -> None:
    settings = SelectionSettings(initial_neighbours=k0)
    counts = neighbour_counts(initial_levels(targets), settings, on_file)
    assert counts.tolist() == [min(k0, on_file)] * targets


@pytest.mark.parametrize("more", [False, True])
def test_hard_images_are_drawn_more_often_where_that_is_wanted(more: bool) -> None:
    settings = SETTINGS.model_copy(update={"draw_hard_images_more": more})
    levels = np.array([1, 5, 3, 1, 9, 0.2, 2.6, 1])
    found = select_neighbours(TARGETS, SOURCES, LISTS, levels, settings).targets
    assert found["sampling_level"].to_list() == levels.tolist()
    assert found["neighbours"].to_list() == [3, 12, 9, 3, 12, 1, 8, 3]
    assert found["draws"].to_list() == ([1, 5, 3, 1, 9, 1, 3, 1] if more else [1] * 8)


@given(counts=st.lists(st.integers(1, 12), min_size=8, max_size=8), seed=st.integers(0, 99))
def test_the_subset_is_the_union_of_the_first_neighbours(counts: list[int], seed: int) -> None:
    lists = random_neighbours(seed, 8, 40, 12)
    found = chosen(counts, lists=lists)
    by_image: dict[int, list[float]] = {}
    for row, number in enumerate(counts):
        for place in range(number):
            near = float(lists.divergences[row, place])
            by_image.setdefault(int(lists.sources[row, place]), []).append(near)
    subset = found.subset
    assert subset["image"].to_list() == sorted(by_image)
    for image, chosen_by, near in subset.select(
        "image", "chosen_by", "nearest_divergence"
    ).iter_rows():
        assert chosen_by == len(by_image[image])
        assert near == min(by_image[image])
    assert found.targets["neighbours"].to_list() == counts
    assert found.targets["path"].to_list() == TARGETS["path"].to_list()


@given(counts=st.lists(st.integers(1, 4), min_size=8, max_size=8), seed=st.integers(0, 99))
def test_labels_are_renumbered_without_gaps(counts: list[int], seed: int) -> None:
    subset = chosen(counts, lists=random_neighbours(seed, 8, 40, 12)).subset
    names = sorted(set(subset["class_name"]))
    assert subset["label"].to_list() == [names.index(name) for name in subset["class_name"]]
    original = dict(SOURCES.select("image", "class_name").iter_rows())
    assert all(original[i] == name for i, name in subset.select("image", "class_name").iter_rows())


def test_classes_with_few_images_are_dropped_counted_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    everything = chosen([12] * 8)
    sizes = dict(everything.subset.group_by("class_name").len().iter_rows())
    assert not caplog.messages
    least = min(sizes.values()) + 1
    kept = chosen([12] * 8, SETTINGS.model_copy(update={"least_images_per_class": least})).subset
    assert set(kept["class_name"]) == {name for name, size in sizes.items() if size >= least}
    assert sorted(set(kept["label"])) == list(range(kept["class_name"].n_unique()))
    dropped = sorted({*sizes} - {*kept["class_name"]})
    assert caplog.messages == [
        f"{len(dropped)} of {len(sizes)} source classes have fewer than {least} selected images "
        f"and are dropped, with {sum(sizes[name] for name in dropped)} images: {', '.join(dropped)}"
    ]


def test_a_target_image_left_without_a_neighbour_is_refused() -> None:
    # The images 0 and 1 are of one class, 7 alone of another, which is dropped. The second target
    # image's next neighbour is in the subset by the first one's choice: its own K_i is 1.
    lists = Neighbours(
        np.arange(2, dtype=np.int32),
        np.array([[0, 1], [7, 0]], np.int32),
        np.zeros((2, 2), np.float32),
    )
    settings = SelectionSettings(least_images_per_class=2, initial_neighbours=1)
    sources = SOURCES[:8]
    with pytest.raises(UserError) as error:
        select_neighbours(TARGETS[:2], sources, lists, np.array([2.0, 1.0]), settings)
    assert "target/1.png: no usable neighbour" in str(error.value)
    assert "least_images_per_class (2)" in str(error.value)
    one = select_neighbours(
        TARGETS[:1], sources, lists.take(np.array([0])), np.array([2.0]), settings
    )
    assert one.subset["image"].to_list() == [0, 1]


def test_neighbours_that_cannot_be_used_are_left_out() -> None:
    usable = SOURCES.filter(pl.col("image") % 2 == 0)
    found = select_neighbours(TARGETS, usable, LISTS, np.full(8, 4.0), SETTINGS).subset
    assert found["image"].to_list() == sorted(
        set(LISTS.sources.ravel().tolist()) & set(usable["image"])
    )


def test_random_source_draws_as_many_as_the_selective_arm_has() -> None:
    selective = select("neighbours", inputs(neighbours=LISTS), SETTINGS, 0).subset
    found = select("random", inputs(as_many_as=selective), SETTINGS, 0)
    assert len(found.subset) == len(selective)
    assert found.subset["image"].n_unique() == len(selective)
    assert set(found.subset["image"]) != set(selective["image"])
    assert set(found.subset["chosen_by"]) == {0}
    assert found.subset["nearest_divergence"].null_count() == len(selective)


@given(seed=st.integers(0, 2**31 - 1), smaller=st.integers(0, 40), larger=st.integers(0, 40))
def test_a_larger_random_subset_holds_the_smaller_one(seed: int, smaller: int, larger: int) -> None:
    smaller, larger = sorted((smaller, larger))
    first = select_at_random(TARGETS, SOURCES, smaller, seed).subset
    second = select_at_random(TARGETS, SOURCES, larger, seed).subset
    assert len(first) == smaller
    assert set(first["image"]) <= set(second["image"])


def test_another_seed_draws_other_images_and_all_alike() -> None:
    draws = [set(select_at_random(TARGETS, SOURCES, 10, s).subset["image"]) for s in range(300)]
    assert draws[0] != draws[1]
    times = np.bincount([image for draw in draws for image in draw], minlength=40)
    assert times.min() > 40  # 75 on average, with a deviation of 7.5
    assert times.max() < 110


def test_images_of_two_sources_are_drawn_each_for_itself_though_their_paths_are_the_same() -> None:
    both = pl.concat([SOURCES.with_columns(source=pl.lit(name)) for name in ("store", "web")])
    both = both.with_columns(image=pl.int_range(80, dtype=pl.Int32))
    drawn = select_at_random(TARGETS, both, 20, 3).subset
    names = both.select("source", "path").rows()
    order = sorted(range(80), key=lambda row: stable_integer("random-source", 3, *names[row]))
    assert drawn["image"].to_list() == sorted(order[:20])
    assert drawn["path"].n_unique() > 15


def test_all_source_takes_all_and_fine_tune_none() -> None:
    everything = select("all", inputs(), SETTINGS, 0)
    assert everything.subset["image"].to_list() == SOURCES["image"].to_list()
    assert everything.subset["label"].to_list()[:8] == [0, 0, 1, 1, 1, 2, 2, 3]
    nothing = select("none", inputs(), SETTINGS, 0)
    assert len(nothing.subset) == 0
    for found in (everything, nothing):
        assert found.targets["neighbours"].to_list() == [0] * 8
        assert found.targets["sampling_level"].to_list() == [1.0] * 8
        assert found.targets["draws"].to_list() == [1] * 8


def test_the_selective_arm_grows_from_the_last_round() -> None:
    first = select("neighbours", inputs(neighbours=LISTS), SETTINGS, 0)
    assert first.targets["neighbours"].to_list() == [3] * 8
    difficulty = pl.DataFrame({"correct": [False, True] * 4, "entropy": [0.0, 0.5, 1.0, 0.01] * 2})
    second = select(
        "neighbours",
        inputs(neighbours=LISTS, last_targets=first.targets, last_difficulty=difficulty),
        SETTINGS,
        0,
    )
    assert second.targets["neighbours"].to_list() == [12, 9, 12, 3] * 2
    assert second.targets["sampling_level"].to_list() == [5.0, 3.0, 5.0, 1.0] * 2
    assert set(first.subset["image"]) <= set(second.subset["image"])
    third = select(
        "neighbours",
        inputs(neighbours=LISTS, last_targets=second.targets, last_difficulty=difficulty),
        SETTINGS.model_copy(update={"highest_sampling_level": 8.0}),
        0,
    )
    assert third.targets["sampling_level"].to_list() == [8.0, 5.0, 8.0, 1.0] * 2
    assert third.targets["neighbours"].to_list() == [12, 12, 12, 3] * 2


def test_each_arm_has_its_way_to_choose() -> None:
    selective = select("neighbours", inputs(neighbours=LISTS), SETTINGS, 0)
    assert isinstance(source_choice("neighbours", selective, LISTS), OwnNeighbours)
    assert isinstance(source_choice("none", selective, None), NoSource)
    ways: tuple[Sources, ...] = ("random", "all")
    for way in ways:
        assert source_choice(way, selective, None) == AnySource(len(selective.subset))


def test_skipped_images_and_other_splits_are_not_usable(tmp_path: Path) -> None:
    images = pl.concat([images_table([0, 1] * 2), images_table([0] * 2, folder="t", split="test")])
    empty = pl.DataFrame(schema={"path": pl.String, "reason": pl.String})
    write_table(tmp_path / "0.csv", empty)
    write_table(tmp_path / "1.csv", pl.DataFrame({"path": ["a/2.png"], "reason": ['"odd", it is']}))
    usable = usable_images(images, [tmp_path / "0.csv", tmp_path / "1.csv"])
    assert usable["path"].to_list() == ["a/0.png", "a/1.png", "a/3.png"]
    assert len(usable_images(images, [])) == 4


@pytest.mark.parametrize(
    ("classes", "message"),
    [([3, 3], "2 training images are of 1 class"), ([], "0 training images are of 0 class")],
)
def test_a_target_of_one_class_is_refused(classes: list[int], message: str) -> None:
    images = pl.concat([images_table(classes), images_table([0, 1], folder="t", split="test")])
    with pytest.raises(UserError, match=message):
        usable_images(images, [])


ODD_NAMES = [
    'quote "a", comma.png',
    "  blanks  .png",
    "ä/é ﬁ 漢字.png",
    "-1e5",
    "NA",
    "null",
    "#hash.png",
    "a\tb.png",
]


@pytest.mark.parametrize("style", ["", "dots, and 'lines'"])
def test_a_manifest_with_odd_names_survives_its_files(tmp_path: Path, style: str) -> None:
    odd = pl.Series("path", ODD_NAMES)
    targets = TARGETS.with_columns(odd, odd.alias("class_name"), pl.lit(style).alias("style"))
    sources = SOURCES[:8].with_columns(odd, odd.alias("class_name"), pl.lit(style).alias("style"))
    lists = random_neighbours(1, 8, 8, 5)
    for written in (
        select_neighbours(targets, sources, lists, (np.arange(8) % 5 + 1) / 3, SETTINGS),
        select_all(targets, sources),
        select_all(targets, sources[:0]),
    ):
        write_manifest(written, tmp_path / "subset.csv", tmp_path / "targets.csv")
        found = read_manifest(tmp_path / "subset.csv", tmp_path / "targets.csv")
        assert found.subset.equals(written.subset)
        assert found.targets.equals(written.targets)
        assert found.subset.schema == written.subset.schema


def test_another_table_is_no_manifest(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", pl.DataFrame({"path": ["x"]}))
    with pytest.raises(UserError, match="has the columns path; expected image, source, path"):
        read_manifest(tmp_path / "a.csv", tmp_path / "a.csv")


def test_fewer_neighbours_than_are_wanted_are_said(caplog: pytest.LogCaptureFixture) -> None:
    short = Neighbours(LISTS.targets, LISTS.sources[:, :2], LISTS.divergences[:, :2])
    assert chosen([3] * 8, lists=short).targets["neighbours"].to_list() == [2] * 8
    assert "brings 2 neighbours in the place of 3 (selection.initial_neighbours)" in caplog.text
    caplog.clear()
    just = Neighbours(LISTS.targets, LISTS.sources[:, :3], LISTS.divergences[:, :3])
    for lists in (LISTS, just):
        chosen([3] * 8, lists=lists)
        assert not caplog.text
