"""Recall against the exact search, and the floor under it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from definition import EPSILON
from searches import (
    EverythingIndex,
    save_histograms,
    settings,
    shards_of,
)
from small import random_histograms

from sjft.errors import UserError
from sjft.retrieval.divergence import ExactDivergence
from sjft.retrieval.histograms import Histograms
from sjft.retrieval.neighbours import Neighbours
from sjft.retrieval.projection import hellinger_vectors
from sjft.retrieval.recall import recall, require_recall
from sjft.retrieval.search import search_candidates, search_exactly


def found_recall(
    folder: Path, found: Neighbours, sources: Sequence[Histograms], **changes: object
) -> dict[str, float]:
    paths = [save_histograms(folder / f"{i}.h5", shard) for i, shard in enumerate(sources)]
    numbers = [np.arange(300, dtype=np.int32)] * len(paths)  # the shards' own are rows already
    targets = random_histograms(1, len(found.targets))
    return recall(found, targets, paths, numbers, settings(**changes))


def test_the_exact_search_has_a_recall_of_one(tmp_path: Path) -> None:
    source = random_histograms(2, 300)
    found = search_exactly(random_histograms(1, 20), source, 40, EPSILON)
    shards = shards_of(source, np.random.default_rng(3).integers(0, 3, 300))
    assert found_recall(tmp_path, found, shards) == {"10": 1.0, "40": 1.0}


def test_a_list_that_lacks_half_of_the_nearest_has_half_the_recall(tmp_path: Path) -> None:
    source = random_histograms(2, 300)
    everything = search_exactly(random_histograms(1, 20), source, 80, EPSILON)
    every_other = Neighbours(
        everything.targets, everything.sources[:, ::2], everything.divergences[:, ::2]
    )
    measured = found_recall(tmp_path, every_other, [source])
    assert measured == {"10": pytest.approx(0.5), "40": pytest.approx(0.5)}


def test_rounded_divergences_do_not_change_the_recall_and_rows_are_compared(tmp_path: Path) -> None:
    source = random_histograms(2, 300)
    found = search_exactly(random_histograms(1, 20), source, 40, EPSILON)
    rounded = Neighbours(found.targets, found.sources, found.divergences * np.float32(1.01))
    assert found_recall(tmp_path, rounded, [source]) == {"10": 1.0, "40": 1.0}
    others = Neighbours(found.targets, (found.sources + 150) % 300, found.divergences * 2)
    assert found_recall(tmp_path, others, [source])["40"] < 0.5


def test_recall_is_that_of_the_definition_over_rows_of_shards_and_equally_near_images(
    tmp_path: Path,
) -> None:
    """A found image counts where it is as near as the last of the truly nearest, or nearer."""
    rng = np.random.default_rng(0)
    originals = random_histograms(2, 20)
    source = originals.take(rng.permutation(np.repeat(np.arange(20), 3)))
    source = replace(source, images=np.arange(60, dtype=np.int32))
    targets = random_histograms(1, 8)
    divergences = ExactDivergence(targets, EPSILON).to(source)
    rows = np.stack([rng.permutation(60)[:32] for _ in range(8)])
    own = np.take_along_axis(divergences, rows, axis=1)
    order = np.argsort(own, axis=1)
    rows, own = (np.take_along_axis(each, order, axis=1) for each in (rows, own))
    found = Neighbours(targets.images, rows.astype(np.int32), own)
    shard_of = rng.integers(0, 3, 60)
    numbers = [np.flatnonzero(shard_of == shard).astype(np.int32) for shard in range(3)]
    paths = []
    for shard, of_shard in enumerate(numbers):
        part = replace(source.take(of_shard), images=np.arange(len(of_shard), dtype=np.int32))
        paths.append(save_histograms(tmp_path / f"{shard}.h5", part))
    last = np.sort(divergences, axis=1)
    wanted = {str(n): float((own[:, :n] <= last[:, n - 1 : n]).mean()) for n in (10, 32)}
    assert all(0.3 < share < 0.9 for share in wanted.values())
    assert recall(found, targets, paths, numbers, settings()) == pytest.approx(wanted)


def test_recall_is_measured_on_as_many_target_images_as_configured(tmp_path: Path) -> None:
    source = random_histograms(2, 100)
    found = search_exactly(random_histograms(1, 20), source, 10, EPSILON)
    wrong, far = found.sources.copy(), found.divergences.copy()
    wrong[7], far[7] = np.arange(100, 110), np.inf
    one_bad = Neighbours(found.targets, wrong, far)
    assert found_recall(tmp_path, one_bad, [source], recall_sample=20) == {"10": 19 / 20}
    of_three = {
        round(found_recall(tmp_path, one_bad, [source], recall_sample=3, seed=seed)["10"], 6)
        for seed in range(15)
    }
    assert of_three == {0.666667, 1.0}


def test_what_the_search_does_not_find_lowers_the_recall(tmp_path: Path) -> None:
    targets, source = random_histograms(1, 20), random_histograms(2, 300)
    vectors = hellinger_vectors(targets)
    found = search_candidates(targets, vectors, source, EverythingIndex(300), 40, 40, EPSILON)
    assert found_recall(tmp_path, found, [source])["40"] < 0.4


def test_a_recall_under_the_floor_names_the_settings() -> None:
    options = settings(recall_floor=0.8, annoy={"candidates_factor": 3.0})
    require_recall({"10": 1.0, "100": 0.8}, options)
    with pytest.raises(UserError) as error:
        require_recall({"10": 1.0, "100": 0.799}, options)
    for words in ("0.799 of the 100", "recall_floor is 0.8", "candidates_factor (3)", "backend"):
        assert words in str(error.value)
    assert "projection_dimensions (128)" in str(error.value)
