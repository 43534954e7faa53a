"""Equal-mass bins: what their edges promise, whatever the masses."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from descriptor_files import SMALL_GRID, WriteDescriptors
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sjft.descriptors.levels import level_boundaries, number_of_levels, zero_level
from sjft.errors import UserError
from sjft.retrieval.bins import (
    channel_weights,
    equal_mass_edges,
    equalise_bins,
    mass_of_levels,
    read_bins,
)
from sjft.storage.hdf5 import create_hdf5, open_hdf5

LEVELS = number_of_levels(SMALL_GRID)
ZERO = zero_level(SMALL_GRID)


@st.composite
def masses(draw: st.DrawFn) -> np.ndarray:
    """Masses of up to 60 levels on both sides of zero, some empty, some heavy."""
    heaviest = draw(st.sampled_from([1, 3, 50, 10**9]))
    level = st.integers(0, heaviest) | st.sampled_from([0, 0, 1, 100, 10**6])
    return np.array(draw(st.lists(level, min_size=1, max_size=60)), np.int64)


channels = given(mass=masses(), bins=st.integers(4, 24), place=st.floats(0, 1))


def zero_at(mass: np.ndarray, place: float) -> int:
    return min(int(place * len(mass)), len(mass) - 1)


def levels_in_bins(edges: np.ndarray) -> list[range]:
    return [range(first, end) for first, end in pairwise(edges.tolist())]


def mass_in_bins(mass: np.ndarray, edges: np.ndarray) -> list[int]:
    return [int(mass[b.start : b.stop].sum()) for b in levels_in_bins(edges)]


@channels
def test_edges_run_from_the_first_level_to_the_last(
    mass: np.ndarray, bins: int, place: float
) -> None:
    edges = equal_mass_edges(mass, bins, zero_at(mass, place))
    assert edges.dtype == np.int32
    assert len(edges) == bins + 1
    assert (edges[0], edges[-1]) == (0, len(mass))
    assert (np.diff(edges) >= 0).all()


@channels
def test_every_level_is_in_exactly_one_bin(mass: np.ndarray, bins: int, place: float) -> None:
    edges = equal_mass_edges(mass, bins, zero_at(mass, place))
    assert [level for b in levels_in_bins(edges) for level in b] == list(range(len(mass)))


@channels
def test_zero_shares_its_bin_with_no_other_mass(mass: np.ndarray, bins: int, place: float) -> None:
    zero = zero_at(mass, place)
    mass[zero] = max(mass[zero], 1)
    edges = equal_mass_edges(mass, bins, zero)
    (own,) = [b for b in levels_in_bins(edges) if zero in b]
    assert mass[own.start : own.stop].sum() == mass[zero]
    # Nor does the level beside it fall to it, where the target has mass beyond.
    if mass[zero + 1 :].any():
        assert own[-1] == zero
    if mass[:zero].any():
        assert own[0] == zero


@channels
def test_no_bin_is_without_mass_while_levels_are_left(
    mass: np.ndarray, bins: int, place: float
) -> None:
    occupied = np.count_nonzero(mass)
    edges = equal_mass_edges(mass, bins, zero_at(mass, place))
    assert np.count_nonzero(mass_in_bins(mass, edges)) == min(bins, occupied)


@settings(max_examples=150)
@given(
    mass=st.lists(st.integers(1, 9), min_size=30, max_size=120),
    bins=st.integers(4, 24),
)
def test_bins_of_light_channels_are_equal_up_to_one_level(mass: list[int], bins: int) -> None:
    share = sum(mass) / bins
    assume(max(mass) <= share)
    edges = equal_mass_edges(np.array([0, *mass]), bins, 0)
    in_bins = mass_in_bins(np.array([0, *mass]), edges)
    assert all(abs(found - share) <= max(mass) for found in in_bins)


@settings(max_examples=150)
@given(
    below=st.lists(st.integers(1, 3), max_size=50),
    at_zero=st.integers(1, 10**6),
    above=st.lists(st.integers(1, 3), min_size=40, max_size=50),
    bins=st.integers(4, 12),
)
def test_the_rest_is_shared_equally_on_either_side_of_zero(
    below: list[int], at_zero: int, above: list[int], bins: int
) -> None:
    mass, zero = np.array([*below, at_zero, *above]), len(below)
    in_bins = levels_in_bins(equal_mass_edges(mass, bins, zero))
    left = [int(mass[b.start : b.stop].sum()) for b in in_bins if b.stop <= zero]
    right = [int(mass[b.start : b.stop].sum()) for b in in_bins if b.start > zero]
    assert len(left) + len(right) == bins - 1
    for side, found in ((below, left), (above, right)):
        assert sum(found) == sum(side)
        share = sum(side) / max(1, len(found))
        # Each bin takes a level at least, which may be more than the side's share.
        assert all(abs(mass - share) <= max(share, *side) for mass in found)
    # Neither side would have lighter bins with one of the other's.
    for one, other in ((left, right), (right, left)):
        if len(one) and len(other) > 1:
            assert sum(one) / len(one) <= sum(other) / (len(other) - 1)


@settings(max_examples=150)
@given(
    light=st.lists(st.integers(1, 9), min_size=40, max_size=80),
    heavy=st.dictionaries(st.integers(0, 39), st.integers(10**3, 10**6), max_size=5),
)
def test_a_level_heavier_than_its_share_has_its_own_bin(
    light: list[int], heavy: dict[int, int]
) -> None:
    bins = 16
    mass = np.array([0, *light])
    for place, value in heavy.items():
        mass[1 + place] = value
    edges = equal_mass_edges(mass, bins, 0)
    own = {b[0] for b in levels_in_bins(edges) if len(b) == 1}
    own |= {1 for b in levels_in_bins(edges) if list(b) == [0, 1]}  # level 0 is empty
    assert {1 + place for place in heavy} <= own


def test_scarce_bins_leave_the_lightest_of_the_heavy_levels_in_company() -> None:
    mass = np.array([0, 1, 100, 1, 90, 1, 80, 1])
    edges = equal_mass_edges(mass, 5, 0)
    in_bins = mass_in_bins(mass, edges)
    assert sum(in_bins) == mass.sum()
    assert min(in_bins) > 0
    assert 100 in in_bins


@pytest.mark.parametrize(
    ("mass", "bins", "zero", "wanted"),
    [
        # Zero keeps its own bin, though it is the lightest of those that have one.
        ([100, 1000, 100, 1000, 10], 4, 0, [0, 1, 3, 4, 5]),
        ([1000, 1, 1, 1, 1000], 4, 2, [0, 2, 3, 4, 5]),
        # A level of just the share of the others stands with its neighbours.
        ([1, 3, 2, 3, 1, 3], 5, 0, [0, 1, 2, 3, 5, 6]),
        # A quantile in the middle of a level is cut behind it.
        ([3, 3, 2, 1, 2, 3], 5, 0, [0, 1, 2, 4, 5, 6]),
        # Two quantiles are nearest to one cut: the second one goes to the next.
        ([2, 3, 2, 1, 3, 1, 2, 2, 1, 1, 1, 1, 3, 3, 1], 9, 10, [0, 2, 3, 5, 7, 10, 11, 13, 14, 15]),
        ([1, 19, 19, 1, 500, *[10] * 40], 24, 4, [0, 2, 3, 4, 5, *range(7, 46, 2)]),
        # The one spare bin lies below where nothing can lie above.
        ([0, 7, 8, 8, 8], 5, 4, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_edges_of_close_calls(mass: list[int], bins: int, zero: int, wanted: list[int]) -> None:
    assert equal_mass_edges(np.array(mass), bins, zero).tolist() == wanted


def test_a_relu_channel_has_zero_alone_and_the_rest_shared() -> None:
    mass = np.zeros(200, np.int64)
    mass[50] = 5000  # zero
    mass[60:160] = 10
    edges = equal_mass_edges(mass, 11, 50)
    assert mass_in_bins(mass, edges) == [5000] + [100] * 10
    assert edges.tolist() == [0, 51, *range(70, 160, 10), 200]


def test_values_beyond_the_bounds_fall_into_the_first_and_last_bin() -> None:
    mass = np.zeros(100, np.int64)
    mass[20:80] = 1
    edges = equal_mass_edges(mass, 6, 50)
    in_bins = levels_in_bins(edges)
    assert set(range(21)) <= set(in_bins[0])
    assert set(range(79, 100)) <= set(in_bins[-1])


@given(
    places=st.sets(st.integers(1, 58), min_size=1, max_size=10),
    spare=st.integers(0, 5),
    zero=st.integers(0, 59),
)
def test_few_levels_have_a_bin_each_and_spare_bins_lie_beyond_them(
    places: set[int], spare: int, zero: int
) -> None:
    mass = np.zeros(60, np.int64)
    mass[list(places)] = 3
    edges = equal_mass_edges(mass, len(places) + spare, zero)
    in_bins = [b for b in levels_in_bins(edges) if len(b)]
    assert len(in_bins) == len(places) + min(spare, 2)
    beyond = [b for b in in_bins if not mass[b.start : b.stop].any()]
    assert len(beyond) == min(spare, 2)
    if spare >= 1:
        assert in_bins[-1] == range(max(places) + 1, 60)
    if spare >= 2:
        assert in_bins[0] == range(min(places))


def test_a_constant_channel_has_one_bin_and_one_on_either_side() -> None:
    mass = np.zeros(9, np.int64)
    mass[4] = 1000
    assert equal_mass_edges(mass, 5, 4).tolist() == [0, 4, 5, 9, 9, 9]


def test_a_channel_below_zero_throughout_keeps_zero_for_itself() -> None:
    mass = np.zeros(40, np.int64)
    mass[:20] = 5
    edges = equal_mass_edges(mass, 4, 30)
    assert mass_in_bins(mass, edges) == [25] * 4


def test_a_channel_without_mass_has_one_bin_for_everything() -> None:
    assert equal_mass_edges(np.zeros(7, np.int64), 4, 3).tolist() == [0, 7, 7, 7, 7]


def test_layer_weights_are_shared_by_the_kernels_and_sum_to_one() -> None:
    layers = ["a", "a", "a", "b"]
    assert channel_weights(layers, None) == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2])
    assert channel_weights(layers, {"b": 1, "a": 3}) == pytest.approx([0.25] * 4)
    assert channel_weights(layers, {"a": 0, "b": 7}) == pytest.approx([0, 0, 0, 1])


def random_counts(seed: int, images: int, positions: list[int]) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(LEVELS, 0.2), (images, len(positions)))
    return np.stack(
        [[rng.multinomial(n, s) for n, s in zip(positions, rows, strict=True)] for rows in shares]
    )


def test_masses_are_summed_over_all_shards(write_descriptors: WriteDescriptors) -> None:
    first, second = random_counts(1, 70, [30, 30, 9]), random_counts(2, 5, [30, 30, 9])
    paths = [
        write_descriptors("0.h5", first, kernels=[2, 1]),
        write_descriptors("1.h5", second, kernels=[2, 1], first_image=70),
    ]
    mass, _ = mass_of_levels(paths)
    assert (mass == first.sum(axis=0) + second.sum(axis=0)).all()


def test_the_file_holds_edges_masses_and_weights(
    write_descriptors: WriteDescriptors, tmp_path: Path
) -> None:
    counts = random_counts(1, 20, [30, 30, 9])
    paths = [
        write_descriptors("0.h5", counts[:12], kernels=[2, 1]),
        write_descriptors("1.h5", counts[12:], kernels=[2, 1], first_image=12),
    ]
    equalise_bins(paths, 6, {"layer0": 1.0, "layer1": 3.0}, tmp_path / "bins.h5")
    bins = read_bins(tmp_path / "bins.h5")
    wanted = [equal_mass_edges(mass, 6, ZERO).tolist() for mass in counts.sum(axis=0)]
    assert bins.edges.tolist() == wanted
    assert bins.weight.tolist() == [0.125, 0.125, 0.75]
    assert bins.positions.tolist() == [30, 30, 9]
    with open_hdf5(tmp_path / "bins.h5", kind="sjft-bins", version=1) as file:
        in_bins = [mass_in_bins(m, np.array(e)) for m, e in zip(counts.sum(0), wanted, strict=True)]
        assert file["mass"][:].tolist() == in_bins
        assert (file["edge_value"][:] == level_boundaries(SMALL_GRID)[np.array(wanted)]).all()


def test_each_level_knows_its_bin(write_descriptors: WriteDescriptors, tmp_path: Path) -> None:
    path = write_descriptors("0.h5", random_counts(3, 9, [40, 40]), kernels=[2])
    equalise_bins([path], 8, None, tmp_path / "bins.h5")
    bins = read_bins(tmp_path / "bins.h5")
    for edges, bin_of_level in zip(bins.edges, bins.bin_of_level(), strict=True):
        wanted = [b for b, levels in enumerate(levels_in_bins(edges)) for _ in levels]
        assert bin_of_level.tolist() == wanted


@pytest.mark.parametrize("change", [{"bank": "other"}, {"weights": "abc"}])
def test_shards_of_different_banks_are_refused(
    write_descriptors: WriteDescriptors, tmp_path: Path, change: dict[str, str]
) -> None:
    counts = random_counts(1, 4, [30, 30])
    paths = [
        write_descriptors("0.h5", counts, kernels=[2]),
        write_descriptors("1.h5", counts, kernels=[2], **change),
    ]
    with pytest.raises(UserError, match=r"1\.h5: was made with another bank than .*0\.h5"):
        equalise_bins(paths, 6, None, tmp_path / "bins.h5")
    assert not (tmp_path / "bins.h5").exists()


def test_another_file_in_the_place_of_bins_is_refused(tmp_path: Path) -> None:
    with create_hdf5(tmp_path / "a.h5", kind="other", version=1, config={}, inputs={}):
        pass
    with pytest.raises(UserError, match="expected `sjft-bins`"):
        read_bins(tmp_path / "a.h5")
