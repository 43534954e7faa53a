"""What a plan says of training: measured, counted, and too long."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from chain import CONFIG
from image_files import save_images
from small import training_settings

from sjft import layout
from sjft.data.state import DataState, Record, write_listing
from sjft.errors import UserError
from sjft.layout import Job
from sjft.pipeline import resources
from sjft.pipeline.elapsed import in_words
from sjft.pipeline.experiment_time import Forecast, seconds_of_start
from sjft.pipeline.jobs import jobs_of_model
from sjft.pipeline.network_memory import TORCH_MB
from sjft.pipeline.prices import Stage
from sjft.pipeline.training_cost import TrainingCost, TrainingSpeeds, measure_training
from sjft.settings.config import read_configuration
from sjft.settings.evaluation import EvaluationSettings

SPEEDS = TrainingSpeeds("cpu", with_source=4.0, target_alone=2.0, view=0.5, model_bytes=1e6)


@pytest.fixture
def images(tmp_path: Path) -> list[Path]:
    names = [f"{number}.png" for number in range(3)]
    save_images(tmp_path, names)
    return [tmp_path / name for name in names]


def cost_of(training: dict[str, Any], **more: Any) -> TrainingCost:
    """Of the experiment `tiny` with other settings; each arm is as fast."""
    base = CONFIG["experiments"]["tiny"]
    # From a file of weights: else `fine-tune` and `scratch` would be one and the same.
    weights = {"source": "file", "path": "weights/store.pth"}
    values = {**base, "training": {**base["training"], "weights": weights, **training}, **more}
    c = read_configuration({**CONFIG, "experiments": {"tiny": values}})
    speeds = dict.fromkeys(c.experiments["tiny"].arm_names, SPEEDS)
    return TrainingCost(c, "tiny", speeds, 100, 20, 8)


def job(rule: str, arm: str) -> Job:
    names = {"arm": arm, "experiment": "tiny", "round": "0", "seed": "0"}
    if rule == "evaluate":
        del names["round"]
    return Job(rule, tuple(names.items()))


@pytest.mark.slow
def test_an_update_costs_its_forward_passes_and_source_images_cost_too(
    images: list[Path],
) -> None:
    evaluation = EvaluationSettings(scales=(32,))
    # Of so many images that a batch twice as large takes longer on a machine of any load.
    few = training_settings(
        network="shufflenet_v2_x0_5", input_size=32, resize=(32, 36), target_batch=40
    )
    measured = [measure_training(few, evaluation, images, (2, 5)) for _ in range(3)]
    speeds = measured[0]
    assert speeds.device == "cpu"
    # What else runs makes either slower: the fastest of three is compared.
    alone = min(one.target_alone for one in measured)
    assert min(one.with_source for one in measured) > alone > 0
    assert speeds.view > 0
    assert speeds.model_bytes > 4 * 300_000  # so many weights has the trunk
    # Not measured whole, but so many times as long: 50 times 80 images.
    many = few.model_copy(update={"target_batch": 80, "accumulate": 50, "device": "cuda"})
    assert measure_training(many, evaluation, images, (2, 5)).with_source > 10 * alone


def test_a_network_that_refuses_its_input_is_named(images: list[Path]) -> None:
    settings = training_settings(network="alexnet", input_size=32, resize=(32, 32))
    with pytest.raises(UserError, match="alexnet cannot be trained on images of 32 px"):
        measure_training(settings, EvaluationSettings(scales=(32,)), images, (2, 5))


def test_measuring_leaves_torch_as_it_was(images: list[Path]) -> None:
    before = torch.get_num_threads()
    settings = training_settings(network="shufflenet_v2_x0_5", input_size=32, resize=(32, 36))
    measure_training(settings, EvaluationSettings(scales=(32,)), images, (2, 5))
    assert torch.get_num_threads() == before


def test_jobs_cost_updates_and_views() -> None:
    evaluation = {"scales": [32, 40], "crops": "five", "mirror": True}
    cost = cost_of({"updates": 10}, evaluation=evaluation)
    training = job("finetune", "selective")
    assert cost.seconds(training) == 40
    assert cost.seconds(job("finetune", "fine-tune")) == 20
    assert cost.seconds(job("score_difficulty", "selective")) == 50
    assert cost.seconds(job("evaluate", "selective")) == 20 * 20 * 0.5
    best = cost_of({"updates": 10, "keep": "best_on_val", "validate_every": 4})
    # After 4, 8 and the last update, each image of the split once.
    assert best.seconds(training) == 40 + 3 * 8 * 0.5
    threaded = cost_of({"updates": 10, "threads": 4})
    assert threaded.demand(training, 2, 1.0).seconds == 21
    # What may use a GPU runs alone, also where there is none.
    assert cost_of({"device": "auto"}).demand(training, 2, 1.0).alone
    assert not threaded.demand(training, 2, 1.0).alone


def test_jobs_take_the_memory_and_the_disk_that_their_rules_declare() -> None:
    cost = cost_of({"processes": 2})
    assert cost.price(job("finetune", "selective")).memory >= 3 * TORCH_MB
    assert cost.price(job("finetune", "selective")).disk == SPEEDS.model_bytes
    assert TORCH_MB < cost.price(job("evaluate", "selective")).memory < 2 * TORCH_MB
    assert cost.price(job("evaluate", "selective")).disk == 0


def test_what_is_declared_grows_with_the_images_that_are_scored_as_the_plan_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    classes = [f"class {number}" for number in range(1000)]
    cost = replace(cost_of({}), tested=100_000, validated=50_000, classes=len(classes))
    listed = layout.IMAGES.of(dataset=cost.experiment.target)
    counted = {cost.experiment.evaluation.split: 100_000, "val": 50_000}
    state = DataState({}, {}, images=counted, classes=classes)
    write_listing(Path(listed).parent, pl.DataFrame({"any": [1]}), Record("by", "now", state))
    Path("targets.csv").write_bytes(b" " * 60 * cost.train)
    of_run = (cost.c, "tiny", "selective")
    reads = {"images": [listed], "targets": ["targets.csv"]}
    declared = {
        "evaluate": resources.mb_of_evaluation(*of_run, reads),
        "validate": resources.mb_of_validation(*of_run, reads),
        "score_difficulty": resources.mb_of_difficulty(*of_run, reads),
    }
    assert declared == {rule: cost.price(job(rule, "selective")).memory for rule in declared}
    assert declared["evaluate"] > declared["validate"] + 250 > declared["score_difficulty"] + 500
    with pytest.raises(FileNotFoundError):  # not known yet, as Snakemake is told
        resources.mb_of_evaluation(*of_run, {"images": ["results/none.csv"]})


def test_an_arm_costs_what_its_own_settings_ask_for() -> None:
    arms = CONFIG["experiments"]["tiny"]["arms"] | {"long": {"training": {"updates": 30}}}
    cost = cost_of({"updates": 10}, arms=arms)
    assert cost.seconds(job("finetune", "selective")) == 40
    assert cost.seconds(job("finetune", "long")) == 120


def forecast(updates: int, stages: list[Stage], **publish: Any) -> Forecast:
    cost = cost_of({"updates": updates}, publish=publish)
    return Forecast(jobs_of_model(cost.c, "tiny"), stages, cost, 2.0, 2)


def test_the_rows_are_all_jobs_and_the_last_one_holds_their_start() -> None:
    before = Stage("hash_images", 4, 0.0, 100.0, 900)
    found = forecast(10, [before], compare=["selective", "fine-tune"])
    rows = found.rows()
    assert [row.rule for row in rows] == [
        "hash_images",
        "finetune",
        "evaluate",
        "downloads; all starts",
    ]
    assert [row.jobs for row in rows] == [4, 2, 2, len(found.jobs) - 8]
    assert rows[1].seconds == 60
    assert rows[-1].seconds == 2.0 * len(found.jobs)


def test_what_takes_days_says_what_to_lower() -> None:
    short = forecast(100, [])
    assert "What makes it shorter" not in short.text()
    assert "6.9 minutes of them for training" in short.text()
    long = forecast(50_000, [], compare=["selective", "fine-tune"]).text()
    assert "takes about 2.3 days" in long
    for words in ("a GPU", "training.input_size (32)", "training.updates (50000)", "sjft init"):
        assert words in long
    assert "publish.compare (selective, fine-tune)" in long
    assert "(`fine-tune`: none), in 2 runs: 2 rounds in all." in long
    retrieval = forecast(1, [Stage("extract_descriptors", 100, 0.0, 4e5, 900)]).text()
    assert "more cores" in retrieval
    assert "training.updates (1)," not in retrieval


def test_runs_that_others_only_draw_from_are_parts_of_runs() -> None:
    text = forecast(10, [], arm="random-source").text()
    assert "in 1 run: 1 round in all." in text
    cost = cost_of({}, rounds=2, publish={"arm": "random-source", "compare": ["fine-tune"]})
    text = Forecast(jobs_of_model(cost.c, "tiny"), [], cost, 2.0, 2).text()
    # Of `selective` the first round, whose difficulty says how many images the second one has.
    assert "in 2 runs and parts of 1 more (`selective`): 5 rounds in all." in text


def test_the_plan_tells_of_looks_at_the_validation_split_and_of_fewer_source_images() -> None:
    assert "looked at" not in forecast(10, []).text()
    assert "target images and as many source images" in forecast(10, []).text()
    settings = {"updates": 10, "keep": "best_on_val", "validate_every": 4, "source_batch": 2}
    cost = cost_of(settings)
    text = Forecast(jobs_of_model(cost.c, "tiny"), [], cost, 2.0, 2).text()
    assert "In each round 8 images of `val` are looked at 3 times, for the best weights." in text
    assert "target images and 2 source images" in text


@pytest.mark.slow
def test_a_job_needs_time_before_it_begins() -> None:
    assert 0.2 < seconds_of_start() < 600


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "2 seconds"),
        (59, "59 seconds"),
        (100, "1.7 minutes"),
        (3600, "60 minutes"),
        (9000, "2.5 hours"),
        (100_000, "28 hours"),
        (1_036_800, "12 days"),
    ],
)
def test_time_is_said_in_the_unit_that_suits_it(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
