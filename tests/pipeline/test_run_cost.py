"""Prices of single jobs: every rule has one, and the pages' are those of what they show."""

import re
from typing import Any

import pytest
from chain import CONFIG, REPOSITORY

from sjft import layout
from sjft.layout import MEASURED, NOT_MEASURED, Job
from sjft.pipeline.jobs import jobs_behind
from sjft.pipeline.prices import Collection, Price
from sjft.pipeline.resources import MB, mb_of_publishing
from sjft.pipeline.retrieval_cost import PRICES, RetrievalCost
from sjft.pipeline.run_cost import OF_THE_NETWORK, RUN_PRICES, ExperimentCost
from sjft.pipeline.speeds import Speeds
from sjft.pipeline.training_cost import RULES_OF_TRAINING, TrainingCost, TrainingSpeeds
from sjft.settings.config import read_configuration

GATHERING = {"all", "fetch_all_weights"}  # they have no job of their own to do
SPEEDS = Speeds(
    *(800, 2),
    **dict.fromkeys(("hash_seconds", "extract_seconds", "histogram_seconds"), 0.01),
    **dict.fromkeys(("hash_bytes", "descriptor_bytes", "histogram_bytes", "index_bytes"), 1000.0),
    **dict.fromkeys(("compare_seconds", "exact_seconds", "projection_seconds"), 1e-6),
    **dict.fromkeys(("read_seconds", "index_seconds", "query_seconds"), 1e-4),
)
OF_TRAINING = TrainingSpeeds("cpu", 4.0, 2.0, 0.5, 1e6)


def cost_of(target: int, source: int, **changes: Any) -> ExperimentCost:
    """Of the experiment `tiny`, with so many training images."""
    c = read_configuration(CONFIG | changes)
    collections = {
        "images": Collection("images", target, 20, 1),
        "store": Collection("store", source, 0, 2),
    }
    speeds = dict.fromkeys(("approximate", "other"), SPEEDS)
    arms = dict.fromkeys(c.experiments["tiny"].arm_names, OF_TRAINING)
    training = TrainingCost(c, "tiny", arms, target, 20)
    return ExperimentCost(RetrievalCost(c, collections, speeds), training)


def price(cost: ExperimentCost, rule: str, arm: str = "selective") -> Price:
    names = {"experiment": "tiny", "arm": arm, "seed": "0", "round": "0"}
    found = cost.price(Job(rule, tuple(names.items())))
    assert found is not None
    return found


def test_every_rule_has_a_forecast() -> None:
    tables = (PRICES, RULES_OF_TRAINING, RUN_PRICES, OF_THE_NETWORK)
    priced = [rule for table in tables for rule in table]
    assert sorted(priced) == sorted(MEASURED | NOT_MEASURED)
    files = [REPOSITORY / "Snakefile", *(REPOSITORY / "workflow/rules").glob("*.smk")]
    text = "\n".join(file.read_text("utf-8") for file in files)
    named = set(re.findall(r"^rule (\w+):", text, re.M))
    assert named - GATHERING == set(priced) - {"fetch_dataset"}  # its rules are called by data set


@pytest.mark.parametrize("pattern", [layout.MODEL, layout.EXPLORER, layout.REPORT, layout.ABLATION])
def test_each_job_behind_a_file_has_a_price(pattern: layout.Pattern) -> None:
    cost = cost_of(100, 1000)
    jobs = jobs_behind(cost.retrieval.c, [pattern.of(experiment="tiny")])
    for job in jobs:
        found = cost.price(job)
        assert found is not None and found.memory > 0, job
        assert found.disk >= 0 and found.seconds >= 0, job
    assert sum(stage.jobs for stage in cost.stages(jobs)) == len(jobs)


def test_pairs_are_as_many_as_images_are_borrowed() -> None:
    few, many = (price(cost_of(target, 1000), "list_pairs") for target in (100, 200))
    assert (few.disk, many.disk) == (100 * 2 * 100, 200 * 2 * 100)
    assert price(cost_of(100, 1000), "list_pairs", "k4").disk == 2 * few.disk
    # There are no more source images than one to borrow.
    assert price(cost_of(100, 1), "list_pairs").disk == few.disk / 2


def test_the_explorer_costs_what_it_shows() -> None:
    assert price(cost_of(100, 1000), "explore").disk < price(cost_of(100, 5000), "explore").disk
    # Thumbnails are so many at most; a longer source costs a look at its histograms alone.
    all_shown, longer = (price(cost_of(100, source), "explore") for source in (20_000, 40_000))
    assert all_shown.disk == longer.disk
    passed = 2 * 20_000 * SPEEDS.read_seconds
    assert longer.seconds - all_shown.seconds == pytest.approx(passed)
    shown = price(cost_of(100, 20_000, explorer={"thumbnails": 100, "targets": 10}), "explore")
    assert shown.disk < all_shown.disk / 10


def test_the_report_shows_a_few_images_however_many_there_are() -> None:
    few, many = (price(cost_of(100, source), "describe") for source in (1000, 10**6))
    assert few.seconds == many.seconds
    assert few.disk == many.disk
    assert many.memory > few.memory >= MB["describe"]


def test_the_published_model_takes_its_size_and_small_jobs_their_start() -> None:
    cost = cost_of(100, 1000)
    wanted = mb_of_publishing(cost.retrieval.c, "tiny")
    assert price(cost, "publish") == Price(OF_TRAINING.model_bytes, 0.0, wanted)
    for rule in ("choose", "ablate"):
        assert price(cost, rule) == Price(0.0, 0.0, MB[rule])


def test_what_the_network_says_has_no_price() -> None:
    names = (("network", "alexnet"), ("weights", "DEFAULT"))
    assert cost_of(1, 1).price(Job("fetch_weights", names)) is None
