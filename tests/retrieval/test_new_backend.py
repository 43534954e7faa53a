"""A backend that the library does not know: a module and a line, and the whole way works."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from pages import quoted_in
from pydantic import Field
from rerun_table import BASE
from searches import save_histograms
from small import random_histograms

from sjft.checks.values import _of_search
from sjft.errors import UserError
from sjft.layout import NEIGHBOURS_IN_SHARD as SEARCHED
from sjft.layout import PROJECTION, Job
from sjft.pipeline import memory
from sjft.pipeline.prices import Collection
from sjft.pipeline.retrieval_cost import PRICES, RetrievalCost
from sjft.pipeline.speeds import make_images, measure_speeds
from sjft.pipeline.stage_settings import (
    of_index,
    of_merged_neighbours,
    of_projection,
    of_publication,
    of_search,
    only_told,
)
from sjft.retrieval import search as search_module
from sjft.retrieval.blocks import MB, Sizes
from sjft.retrieval.index import BACKENDS, search_backend
from sjft.retrieval.index.backend import IndexFiles
from sjft.retrieval.index.build import build_index
from sjft.retrieval.index.record import recorded
from sjft.retrieval.neighbours import read_neighbours
from sjft.retrieval.projection import write_projection_of_target
from sjft.retrieval.recall import require_recall
from sjft.retrieval.search import search_exactly
from sjft.retrieval.shard_search import ShardFiles, write_nearest_of_shard
from sjft.settings.bank import GaborBank
from sjft.settings.base import Settings
from sjft.settings.config import Configuration, read_configuration
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings


class SignSettings(Settings):
    """Bits in the place of numbers."""

    candidates_factor: float = Field(3.0, ge=1.0, description="Candidates per neighbour.")


class WithSigns(RetrievalSettings):
    """What stands in `RetrievalSettings` of a library that has the backend."""

    backend: Literal["signs"] = "signs"
    signs: SignSettings = SignSettings()


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BACKENDS, "signs", "sign_index")


def configured(**changes: object) -> Configuration:
    values = {"bank": "small", "neighbours_on_file": 20, "projection_dimensions": 16, **changes}
    shipped = read_configuration(BASE)
    retrievals = {**shipped.retrievals, "plain": WithSigns.model_validate(values)}
    return shipped.model_copy(update={"retrievals": retrievals})


def index_of(folder: Path, configuration: Configuration) -> list[Path]:
    """What the rules make before a search: projection, index and record."""
    targets, sources = random_histograms(1, 30), random_histograms(2, 300)
    paths = [
        save_histograms(folder / f"{name}.h5", of)
        for name, of in (("targets", targets), ("sources", sources))
    ]
    files = [folder / name for name in ("projection.h5", "0000.ann", "0000.json")]
    section = known_part(WithSigns, of_projection(configuration, "plain"))
    write_projection_of_target(paths[:1], files[0], section)
    section = known_part(WithSigns, of_index(configuration, "plain"))
    build_index(paths[1], files[0], section, IndexFiles(*files[1:]))
    return files


def search(folder: Path, configuration: Configuration, files: list[Path]) -> np.ndarray:
    values = {**of_search(configuration, "plain"), "device": "cpu"}
    write_nearest_of_shard(
        ShardFiles([folder / "targets.h5"], folder / "sources.h5", files),
        folder / "found.h5",
        known_part(WithSigns, values),
        shards=1,
        memory=10**9,
    )
    return read_neighbours(folder / "found.h5").sources


def test_a_shard_is_indexed_and_searched_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "TARGETS_A_GROUP", 1)  # none finds what others ask for
    everything = configured(signs={"candidates_factor": 15.0})
    files = index_of(tmp_path, everything)
    bits = np.load(files[1])
    assert bits.shape == (300, 2) and bits.dtype == np.uint8
    truth = search_exactly(random_histograms(1, 30), random_histograms(2, 300), 20, 2.2e-16)
    np.testing.assert_array_equal(search(tmp_path, everything, files), truth.sources)
    few = search(tmp_path, configured(signs={"candidates_factor": 1.0}), files)
    assert not np.array_equal(few, truth.sources)


def test_its_damaged_index_is_refused(tmp_path: Path) -> None:
    files = index_of(tmp_path, configured())
    files[1].write_bytes(files[1].read_bytes()[:-1] + b"!")
    with pytest.raises(UserError, match=r"0000\.ann: is damaged"):
        search(tmp_path, configured(), files)


def test_an_index_under_another_name_than_the_given_one_is_refused(tmp_path: Path) -> None:
    files = IndexFiles(tmp_path / "0000.ann", tmp_path / "0000.json")
    message = r"0000\.ann: its backend wrote no file of the name"
    with pytest.raises(UserError, match=message), recorded(files, {}) as new:
        np.save(new.path, np.arange(3))
    assert not files.record.exists()


def test_its_stages_go_by_its_own_settings_and_by_no_other_backend_s() -> None:
    configuration = configured(signs={"candidates_factor": 2.5})
    assert of_index(configuration, "plain") == {"backend": "signs"}
    searched = of_search(configuration, "plain")
    assert searched["signs"] == {"candidates_factor": 2.5}
    assert searched["projection_dimensions"] == 16
    assert "annoy" not in searched
    published = of_publication(configuration, "all")["retrievals"]["plain"]
    assert "signs" in published and "annoy" not in published and "projection_sample" in published


def test_a_low_recall_names_its_own_key() -> None:
    configuration = configured()
    advice = only_told(configuration)["advice"]["plain"]
    values = advice | of_merged_neighbours(configuration, "plain")
    with pytest.raises(UserError, match=r"Raise signs\.candidates_factor \(3\)"):
        require_recall({"10": 0.5}, known_part(WithSigns, values))


def test_keys_of_another_backend_s_section_are_said_to_decide_nothing() -> None:
    section = {"annoy": {"trees": 7}, "signs": {"candidates_factor": 2.5}}
    found = [f.key for f in _of_search("plain", configured(**section).retrievals["plain"])]
    assert found == ["plain.annoy.trees"]
    # Its own section is another one's as well, where it was not chosen.
    exact = configured(**section).retrievals["plain"].model_copy(update={"backend": "exact"})
    found = [f.key for f in _of_search("plain", exact)]
    assert found[:2] == ["plain.annoy.trees", "plain.signs.candidates_factor"]


def test_its_jobs_are_planned(tmp_path: Path) -> None:
    configuration = configured()
    settings = configuration.retrievals["plain"]
    bank = GaborBank(type="gabor", resize=40, crop=32, scales=2, orientations=2)
    paths = make_images(tmp_path, 2)
    speeds = measure_speeds(tmp_path, paths, bank, None, settings)
    assert speeds.query_seconds > 0
    assert 2 <= speeds.index_bytes < 3  # 16 bits, and numpy's own few bytes
    collections = {"images": Collection("target", 1000, 0, 1)}
    collections["store"] = Collection("source", 9000, 0, 3)
    pairing = {"retrieval": "plain", "target": "images"}
    shards = [SEARCHED.of(**pairing, source="store", shard=f"{n:04d}").job for n in range(3)]
    jobs = [*shards, *(Job("build_index", job.values) for job in shards)]
    cost = RetrievalCost(configuration, collections, {"plain": speeds})
    jobs.append(PROJECTION.of(**pairing).job)
    prices = [(job.rule, PRICES[job.rule](cost, job.names)) for job in jobs]
    assert all(price.memory > 0 for _, price in prices)
    assert all(price.disk > 2 * 3000 for rule, price in prices if rule == "build_index")
    assert all(price.seconds > 0 for rule, price in prices if rule == "search_shard")
    sizes = Sizes(1000, speeds.bins), Sizes(9000, speeds.bins)
    less = settings.model_copy(update={"projection_dimensions": 8})
    declared = [memory.mb_of_search(*sizes, 20, each) for each in (settings, less)]
    backend = search_backend("signs")
    taken = [backend.search_bytes(*sizes, 20, each) / MB for each in (settings, less)]
    assert declared[0] > declared[1]
    assert declared[0] - declared[1] == pytest.approx(taken[0] - taken[1], abs=1)
    assert memory.mb_of_index(sizes[1], settings) > 500


def test_the_page_shows_this_very_backend() -> None:
    assert quoted_in("adding-a-backend.md", "sign_index.py")
