"""Principal components against numpy's decomposition in double precision."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sjft.errors import UserError
from sjft.retrieval.histograms import Histograms
from sjft.retrieval.projection import (
    SHARE_OF_STEP,
    Projection,
    fit_projection,
    hellinger_vectors,
    principal_components,
    read_projection,
    steps_from_zero,
    vectors_with_steps,
)
from sjft.storage.hdf5 import create_hdf5, open_hdf5

EPSILON = 2.2e-16


def random_histograms(seed: int, images: int, *, bins: int = 8) -> Histograms:
    rng = np.random.default_rng(seed)
    positions = (200, 200, 50)
    shares = rng.dirichlet(np.full(bins, 0.7), (images, 3))
    counts = [
        [rng.multinomial(n, s) for n, s in zip(positions, image, strict=True)] for image in shares
    ]
    return Histograms(
        np.arange(images, dtype=np.int32),
        np.array(counts, np.uint16),
        np.array(positions),
        np.array([0.25, 0.25, 0.5]),
        "digest of the bins",
        "",
    )


def spread_vectors(seed: int, images: int, length: int, decay: float) -> np.ndarray:
    """Return vectors around a common mean, with geometrically falling variances."""
    rng = np.random.default_rng(seed)
    rank = min(images, length)
    left = np.linalg.qr(rng.standard_normal((images, rank)))[0]
    right = np.linalg.qr(rng.standard_normal((length, rank)))[0]
    vectors = left * decay ** np.arange(rank) @ right.T + rng.standard_normal(length)
    return vectors.astype(np.float32)


def by_numpy(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, directions (rows) and variances, in float64."""
    double = vectors.astype(np.float64)
    mean = double.mean(axis=0)
    _, values, directions = np.linalg.svd(double - mean, full_matrices=False)
    return mean, directions, values**2


@pytest.mark.parametrize(("images", "length"), [(40, 100), (100, 40), (15, 400)])
@pytest.mark.parametrize("dimensions", [1, 3, 8])
def test_components_are_those_of_numpy(images: int, length: int, dimensions: int) -> None:
    vectors = spread_vectors(1, images, length, 0.8)
    mean, components, explained = principal_components(vectors, dimensions)
    wanted_mean, directions, variances = by_numpy(vectors)
    np.testing.assert_allclose(mean, wanted_mean, atol=1e-6)
    assert components.shape == (dimensions, length)
    # Each direction for itself, whatever its sign, and so in the order of the variances.
    along = np.abs(np.sum(components * directions[:dimensions], axis=1))
    np.testing.assert_allclose(along, 1, atol=1e-4)
    wanted = variances[:dimensions].sum() / variances.sum()
    assert explained == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("decay", [1.0, 0.8, 0.5, 0.1])
def test_components_are_orthonormal(decay: float) -> None:
    components = principal_components(spread_vectors(2, 50, 300, decay), 20)[1].astype(np.float64)
    # The smallest kept direction has a thousandth of the largest one's length.
    np.testing.assert_allclose(components @ components.T, np.eye(len(components)), atol=5e-3)


def test_the_largest_entry_of_a_component_is_positive() -> None:
    vectors = spread_vectors(3, 30, 60, 0.9)
    for turned in (vectors, -vectors):
        components = principal_components(turned, 10)[1]
        largest = np.abs(components).argmax(axis=1)
        assert (components[np.arange(10), largest] > 0).all()


def test_mirrored_vectors_have_the_same_components() -> None:
    vectors = spread_vectors(3, 30, 60, 0.8)
    one, other = (principal_components(v, 5)[1] for v in (vectors, -vectors))
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_fewer_images_than_dimensions_give_as_many_components_as_they_span() -> None:
    vectors = spread_vectors(4, 6, 50, 0.9)
    _, components, explained = principal_components(vectors, 128)
    assert len(components) == 5
    assert explained == pytest.approx(1, abs=1e-5)


def test_repeated_images_span_no_more_than_the_distinct_ones() -> None:
    vectors = np.repeat(spread_vectors(5, 4, 50, 0.9), 10, axis=0)
    assert len(principal_components(vectors, 128)[1]) == 3


@pytest.mark.parametrize("images", [1, 2, 300])
def test_identical_vectors_have_no_components(images: int) -> None:
    vectors = np.tile(spread_vectors(6, 1, 50, 1), (images, 1))
    assert principal_components(vectors, 8)[1].shape == (0, 50)


def test_hellinger_vectors_are_roots_of_weighted_shares() -> None:
    histograms = random_histograms(1, 4)
    wanted = [
        [
            math.sqrt(weight * count / n)
            for counts, weight, n in zip(
                image, histograms.weight, histograms.positions, strict=True
            )
            for count in counts
        ]
        for image in histograms.counts.tolist()
    ]
    vectors = hellinger_vectors(histograms)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, wanted, rtol=1e-6)
    np.testing.assert_allclose((vectors**2).sum(axis=1), 1, rtol=1e-5)  # the weights sum to 1


def test_a_bin_that_is_empty_in_one_image_is_as_far_as_the_divergence_says() -> None:
    counts = np.array([[[8, 2, 0]], [[8, 0, 2]]], np.uint16)
    numbers, weight = np.arange(2, dtype=np.int32), np.array([1.0])
    pair = Histograms(numbers, counts, np.array([10]), weight, "digest of the bins", "")
    for epsilon in (1e-4, 2.2e-16):
        # Of the divergence: a half, as everywhere, and the share of the step.
        step = steps_from_zero(pair, epsilon) / SHARE_OF_STEP
        one, other = vectors_with_steps(pair, step)
        wanted = 2 * 0.25 * 0.2 * math.log(0.2 / epsilon + 1)
        assert ((one - other) ** 2).sum() == pytest.approx(wanted, rel=1e-5)
        assert ((one == 0) == (counts[0].reshape(-1) == 0)).all()


def with_steps(targets: Histograms, fitted: Histograms) -> np.ndarray:
    return vectors_with_steps(targets, steps_from_zero(fitted, EPSILON))


def fit(targets: Histograms, output: Path, **settings: int) -> Projection:
    values = {"epsilon": EPSILON, "dimensions": 6, "sample": 1000, "seed": 0, **settings}
    fit_projection(targets, output=output, inputs={"0.h5": "abc"}, **values)
    return read_projection(output)


def test_the_file_holds_what_was_fitted(tmp_path: Path) -> None:
    targets = random_histograms(1, 40)
    projection = fit(targets, tmp_path / "a.h5")
    mean, components, explained = principal_components(with_steps(targets, targets), 6)
    assert (projection.mean == mean).all()
    assert (projection.components == components).all()
    assert projection.digest_of_bins == "digest of the bins"
    with open_hdf5(tmp_path / "a.h5", kind="sjft-projection", version=2) as file:
        assert file["explained_share"][:].tolist() == [explained]


def test_projecting_is_a_product_with_the_centred_vectors(tmp_path: Path) -> None:
    targets = random_histograms(1, 40)
    projection = fit(targets, tmp_path / "a.h5")
    others = random_histograms(2, 300)  # more than a block
    wanted = (
        with_steps(others, targets).astype(np.float64) - projection.mean
    ) @ projection.components.T.astype(np.float64)
    got = projection.project(others)
    assert got.shape == (300, 6)
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_distances_survive_a_projection_to_all_dimensions(tmp_path: Path) -> None:
    targets = random_histograms(1, 60)
    vectors = with_steps(targets, targets)
    projected = fit(targets, tmp_path / "a.h5", dimensions=24).project(targets)
    whole = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    kept = np.linalg.norm(projected[:, None] - projected[None], axis=2)
    np.testing.assert_allclose(kept, whole, atol=1e-3)


def test_a_sample_is_drawn_by_seed(tmp_path: Path) -> None:
    targets = random_histograms(1, 60)
    first = fit(targets, tmp_path / "a.h5", sample=10, seed=1)
    again = fit(targets, tmp_path / "b.h5", sample=10, seed=1)
    other = fit(targets, tmp_path / "c.h5", sample=10, seed=2)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert (first.mean == again.mean).all()
    assert (first.mean != other.mean).any()
    rows = np.sort(np.random.default_rng(1).permutation(60)[:10])
    np.testing.assert_allclose(
        first.mean, with_steps(targets, targets).astype(np.float64)[rows].mean(axis=0), atol=1e-7
    )


def test_a_sample_as_large_as_the_target_takes_every_image(tmp_path: Path) -> None:
    targets = random_histograms(1, 20)
    one, other = (fit(targets, tmp_path / f"{s}.h5", sample=20, seed=s) for s in (1, 2))
    assert (one.components == other.components).all()


@pytest.mark.parametrize("images", [1, 5])
def test_targets_that_do_not_differ_are_refused(tmp_path: Path, images: int) -> None:
    same = random_histograms(1, 1).take(np.zeros(images, np.intp))
    with pytest.raises(UserError, match="all have the same histograms"):
        fit(same, tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


def test_another_file_in_the_place_of_a_projection_is_refused(tmp_path: Path) -> None:
    with create_hdf5(tmp_path / "a.h5", kind="other", version=1, config={}, inputs={}):
        pass
    with pytest.raises(UserError, match="expected `sjft-projection`"):
        read_projection(tmp_path / "a.h5")


def test_histograms_over_other_bins_are_refused() -> None:
    other = replace(random_histograms(1, 3), digest_of_bins="another digest")
    nothing = np.zeros(24, np.float32)
    projection = Projection(
        nothing, nothing, np.eye(2, 24, dtype=np.float32), "digest of the bins", ""
    )
    with pytest.raises(UserError, match="different bins"):
        projection.project(other)


def test_the_step_away_from_zero_meets_the_cost_of_an_empty_bin() -> None:
    """By the definition, bin by bin, with channels of several weights and a bin without images."""
    targets = random_histograms(1, 7)
    targets.counts[:, 1, 2] = 0
    targets.counts[1:, 0, 3] = 0
    epsilon, found = 1e-9, []
    for channel, (positions, weight) in enumerate(
        zip(targets.positions.tolist(), targets.weight.tolist(), strict=True)
    ):
        for counts in targets.counts[:, channel].T.tolist():
            filled = [count for count in counts if count]
            share = (sum(filled) / len(filled) if filled else 1) / positions
            cost = weight * share * math.log(share / epsilon + 1) / 4
            found.append(SHARE_OF_STEP * max(0.0, math.sqrt(cost) - math.sqrt(weight * share)))
    np.testing.assert_allclose(steps_from_zero(targets, epsilon), found, rtol=1e-5)
