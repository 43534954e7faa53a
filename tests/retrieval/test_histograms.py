"""Histograms over bins against sums written out in plain Python."""

from pathlib import Path

import numpy as np
import pytest
from descriptor_files import SMALL_GRID, WriteDescriptors

from sjft.descriptors.levels import number_of_levels
from sjft.errors import UserError
from sjft.retrieval.bins import Bins, equalise_bins, read_bins
from sjft.retrieval.histograms import build_histograms, concatenate, read_histograms

LEVELS = number_of_levels(SMALL_GRID)
POSITIONS = (50, 50, 50, 8)


def random_counts(seed: int, images: int, positions: tuple[int, ...] = POSITIONS) -> np.ndarray:
    """Return dense counts [images, channels, levels] that sum to the positions."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(LEVELS, 0.1), (images, len(positions)))
    return np.stack(
        [[rng.multinomial(n, s) for n, s in zip(positions, rows, strict=True)] for rows in shares]
    )


@pytest.fixture
def bins_path(write_descriptors: WriteDescriptors, tmp_path: Path) -> Path:
    target = write_descriptors("target.h5", random_counts(1, 30), kernels=[3, 1])
    equalise_bins([target], 7, None, tmp_path / "bins.h5")
    return tmp_path / "bins.h5"


def slow_sums(counts: np.ndarray, bins: Bins) -> list[list[list[int]]]:
    return [
        [
            [
                sum(int(levels[level]) for level in range(edges[b], edges[b + 1]))
                for b in range(len(edges) - 1)
            ]
            for levels, edges in zip(image, bins.edges.tolist(), strict=True)
        ]
        for image in counts
    ]


def test_histograms_are_sums_of_the_level_counts(
    write_descriptors: WriteDescriptors, bins_path: Path, tmp_path: Path
) -> None:
    bins, counts = read_bins(bins_path), random_counts(2, 70)
    source = write_descriptors("source.h5", counts, kernels=[3, 1], first_image=5)
    build_histograms(source, bins_path, tmp_path / "out.h5")
    histograms = read_histograms(tmp_path / "out.h5", bins.digest)
    assert histograms.counts.dtype == np.uint16
    assert histograms.counts.tolist() == slow_sums(counts, bins)
    assert (histograms.counts.sum(axis=2) == POSITIONS).all()
    assert histograms.images.tolist() == list(range(5, 75))
    assert histograms.positions.tolist() == list(POSITIONS)
    assert histograms.weight.tolist() == bins.weight.tolist()
    assert histograms.digest_of_bins == bins.digest


def test_large_maps_are_counted_without_overflow(
    write_descriptors: WriteDescriptors, tmp_path: Path
) -> None:
    counts = np.zeros((2, 1, LEVELS), np.int64)
    counts[0, 0, 20], counts[1, 0, 20:22] = 70_000, 35_000
    path = write_descriptors("a.h5", counts, kernels=[1])
    equalise_bins([path], 4, None, tmp_path / "bins.h5")
    bins = read_bins(tmp_path / "bins.h5")
    build_histograms(path, tmp_path / "bins.h5", tmp_path / "out.h5")
    histograms = read_histograms(tmp_path / "out.h5")
    assert histograms.counts.dtype == np.uint32
    assert histograms.counts.tolist() == slow_sums(counts, bins)


@pytest.mark.parametrize("change", [{"bank": "other"}, {"weights": "abc"}])
def test_descriptors_of_another_bank_are_refused(
    write_descriptors: WriteDescriptors, bins_path: Path, tmp_path: Path, change: dict[str, str]
) -> None:
    source = write_descriptors("source.h5", random_counts(2, 3), kernels=[3, 1], **change)
    with pytest.raises(UserError, match=r"source\.h5: was made with another bank than .*bins\.h5"):
        build_histograms(source, bins_path, tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()


def test_histograms_over_other_bins_are_refused(
    write_descriptors: WriteDescriptors, bins_path: Path, tmp_path: Path
) -> None:
    source = write_descriptors("source.h5", random_counts(2, 3), kernels=[3, 1])
    build_histograms(source, bins_path, tmp_path / "out.h5")
    equalise_bins([source], 7, None, tmp_path / "other.h5")
    with pytest.raises(UserError, match=r"out\.h5: was made with other bins"):
        read_histograms(tmp_path / "out.h5", read_bins(tmp_path / "other.h5").digest)


def test_shards_are_joined_one_after_the_other_and_numbered_anew(
    write_descriptors: WriteDescriptors, bins_path: Path, tmp_path: Path
) -> None:
    parts = []
    for name, start in (("late", 40), ("early", 10)):
        source = write_descriptors(
            f"{name}.h5", random_counts(start, 4), kernels=[3, 1], first_image=start
        )
        build_histograms(source, bins_path, tmp_path / f"{name}-out.h5")
        parts.append(read_histograms(tmp_path / f"{name}-out.h5"))
    joined = concatenate(parts)
    assert joined.images.tolist() == list(range(8))
    assert (joined.counts == np.concatenate([part.counts for part in parts])).all()


def test_taking_some_images_keeps_what_all_have_in_common(
    write_descriptors: WriteDescriptors, bins_path: Path, tmp_path: Path
) -> None:
    source = write_descriptors("source.h5", random_counts(2, 6), kernels=[3, 1])
    build_histograms(source, bins_path, tmp_path / "out.h5")
    everything = read_histograms(tmp_path / "out.h5")
    some = everything.take(np.array([4, 1]))
    assert some.images.tolist() == [4, 1]
    assert (some.counts == everything.counts[[4, 1]]).all()
    assert (some.digest, some.digest_of_bins) == (everything.digest, everything.digest_of_bins)
    assert some.weight is everything.weight


def test_a_full_disk_is_not_blamed_on_the_descriptors(
    write_descriptors: WriteDescriptors,
    bins_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = write_descriptors("source.h5", random_counts(2, 3), kernels=[3, 1])

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("sjft.storage.hdf5.Hdf5Writer.add", full)
    with pytest.raises(UserError, match=r"out\.h5: cannot be written \(No space left"):
        build_histograms(source, bins_path, tmp_path / "out.h5")
    assert source.exists()
