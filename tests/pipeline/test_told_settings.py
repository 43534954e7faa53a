"""What a stage goes by, and what its jobs are told of besides."""

import json

import pytest
from rerun_table import BASE

from sjft.data.state import NOT_FOR_THE_LIST
from sjft.pipeline.stage_settings import ORIGIN, of_generated_images, only_told
from sjft.settings.config import read_configuration
from sjft.settings.known_part import known_part
from sjft.settings.retrieval import RetrievalSettings
from sjft.settings.training import TrainingSettings


def test_each_reader_lists_by_all_of_its_keys_but_those_of_its_files_origin() -> None:
    assert ORIGIN | {"on_bad_image", "largest_image", "root"} == NOT_FOR_THE_LIST


def test_images_that_are_made_go_by_what_they_are_made_from() -> None:
    seen = {"reader": "cameras", "root": "x", "splits": {"train": "."}, "cameras": {"blur": 1}}
    configuration = read_configuration({**BASE, "datasets": {**BASE["datasets"], "seen": seen}})
    common = {"reader", "size", "quality", "seed"}
    assert set(of_generated_images(configuration, "store")) == common | {
        "contents",
        "styles",
        "per_class",
    }
    assert set(of_generated_images(configuration, "seen")) == common | {
        *("largest_file", "largest_image", "on_bad_image"),
        "splits",
        "random_split",
        "cameras",
    }


def test_a_key_that_a_job_does_not_go_by_cannot_be_read() -> None:
    plain = {"epsilon": 1e-4, "annoy": {"trees": 3}}
    part = known_part(RetrievalSettings, plain)
    assert (part.epsilon, part.annoy.trees) == (1e-4, 3)
    assert part.model_dump(mode="json") == plain
    for wrong in (lambda: part.seed, lambda: part.annoy.search_k, lambda: part.leakage):
        with pytest.raises(AttributeError):
            wrong()


def test_a_part_of_the_settings_is_the_same_settings() -> None:
    settings = TrainingSettings(resize=(230, 240), weights={"source": "random", "seed": 3})  # type: ignore[arg-type]
    plain = json.loads(json.dumps(settings.model_dump(mode="json")))
    assert known_part(TrainingSettings, plain) == settings


def test_jobs_are_told_how_they_compute() -> None:
    told = only_told(read_configuration(BASE))
    assert told["experiments"]["all"] == {
        "training": {"device": "cpu", "threads": 1, "compile": False, "log_every": 50},
        "evaluation": {"batch": 64},
    }
    assert told["retrievals"]["plain"] == {"device": "cpu"}
    assert set(told["advice"]) == set(told["retrievals"])
    assert told["datasets"]["store"] == {"on_bad_image": "fail"}
