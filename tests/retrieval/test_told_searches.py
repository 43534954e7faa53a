"""Searches with the settings that a job is told, and no others."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rerun_table import BASE
from searches import save_histograms
from small import random_histograms

from sjft.errors import UserError
from sjft.pipeline.stage_settings import of_search
from sjft.retrieval.budget import kept_per_shard
from sjft.retrieval.histograms import open_histograms
from sjft.retrieval.index import auto
from sjft.retrieval.index.annoy import build_annoy_index
from sjft.retrieval.neighbours import merge_shards, read_neighbours
from sjft.retrieval.projection import fit_projection, read_projection
from sjft.retrieval.search import search_exactly
from sjft.retrieval.shard_search import ShardFiles, write_nearest_of_shard
from sjft.settings.config import read_configuration
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings

NEEDED = {"exact": 0, "flat": 1, "auto": 1, "annoy": 3}
TARGETS, SOURCES = random_histograms(1, 30), random_histograms(2, 300)


def told(device: str = "cpu", **changes: Any) -> RetrievalSettings:
    """The part of a retrieval's settings that its search is told."""
    configuration = read_configuration(BASE)
    plain = configuration.retrievals["plain"].model_dump(mode="json", exclude_unset=True)
    values = {**plain, "neighbours_on_file": 20, "projection_dimensions": 16, **changes}
    retrievals = {"plain": RetrievalSettings.model_validate(values)}
    configuration = configuration.model_copy(update={"retrievals": retrievals})
    return known_part(RetrievalSettings, of_search(configuration, "plain"), {"device": device})


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Projection, index and record, beside the histograms."""
    save_histograms(tmp_path / "targets.h5", TARGETS)
    save_histograms(tmp_path / "sources.h5", SOURCES)
    made = [tmp_path / name for name in ("projection.h5", "0000.ann", "0000.json")]
    fit_projection(
        TARGETS, epsilon=2.2e-16, dimensions=16, sample=99, seed=0, output=made[0], inputs={}
    )
    projection = read_projection(made[0])
    with open_histograms(tmp_path / "sources.h5", TARGETS.digest_of_bins) as sources:
        digests = {"projection": projection.digest, "histograms": sources.digest}
    trees = RetrievalSettings(bank="small").annoy
    build_annoy_index(projection.project(SOURCES), trees, 0, made[1], made[2], digests)
    return made


def search(folder: Path, files: list[Path], settings: RetrievalSettings, shards: int = 1) -> Path:
    write_nearest_of_shard(
        ShardFiles([folder / "targets.h5"], folder / "sources.h5", files),
        folder / f"{settings.device}.h5",
        settings,
        shards=shards,
        memory=10**9,
    )
    return folder / f"{settings.device}.h5"


@pytest.mark.parametrize("backend", NEEDED)
@pytest.mark.parametrize("finds_enough", [True, False])
def test_every_backend_searches_with_what_it_is_told(
    tmp_path: Path,
    files: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    backend: str,
    finds_enough: bool,
) -> None:
    monkeypatch.setattr(auto, "cheaper_backend", lambda *_: "flat")
    monkeypatch.setattr(auto, "LEAST_FOUND", 0.0 if finds_enough else 2.0)
    given = told(backend=backend)
    found = read_neighbours(search(tmp_path, files[: NEEDED[backend]], given))
    truth = search_exactly(TARGETS, SOURCES, 20, given.epsilon)
    shared = [len(np.intersect1d(*pair)) for pair in zip(found.sources, truth.sources, strict=True)]
    assert np.mean(shared) > 18
    if backend == "exact" or (backend == "auto" and not finds_enough):
        np.testing.assert_array_equal(found.sources, truth.sources)


def test_one_of_several_shards_gives_no_more_than_its_share_may_be(tmp_path: Path) -> None:
    save_histograms(tmp_path / "targets.h5", TARGETS)
    save_histograms(tmp_path / "sources.h5", SOURCES)
    found = read_neighbours(search(tmp_path, [], told(backend="exact"), shards=50))
    kept = kept_per_shard(20, 300, 50)
    assert kept < 20
    truth = search_exactly(TARGETS, SOURCES, kept, told().epsilon)
    np.testing.assert_array_equal(found.sources, truth.sources)


def test_a_shard_over_other_bins_is_refused(tmp_path: Path) -> None:
    save_histograms(tmp_path / "targets.h5", TARGETS)
    save_histograms(tmp_path / "sources.h5", replace(SOURCES, digest_of_bins="others"))
    with pytest.raises(UserError, match=r"sources\.h5: was made with other bins"):
        search(tmp_path, [], told(backend="exact"))


def test_shards_that_were_searched_on_a_gpu_join_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_histograms(tmp_path / "targets.h5", TARGETS)
    save_histograms(tmp_path / "sources.h5", SOURCES)
    first = search(tmp_path, [], told("cpu", backend="exact"))
    monkeypatch.setattr(
        "sjft.retrieval.shard_search.search_exactly",
        lambda *given: search_exactly(*given[:-1], "cpu"),
    )
    second = search(tmp_path, [], told("cuda", backend="exact"))
    numbers = [np.arange(300, dtype=np.int32), np.arange(300, 600, dtype=np.int32)]
    assert merge_shards([first, second], 20, numbers).sources.shape == (30, 20)
