"""Weights that another experiment learns: those that cannot be had are named."""

from typing import Any

import pytest
from configurations import SMALLEST, read, refusal

from sjft.layout import MODEL
from sjft.pipeline.jobs import jobs_from_models, jobs_of_model
from sjft.pipeline.run_inputs import finetune
from sjft.pipeline.runs import learned_before, started_from
from sjft.pipeline.stage_settings import of_publication

MAIN = SMALLEST["experiments"]["main"]
BEST = {"arm": "best", "compare": ["fine-tune", "all-source"]}


def starting_from(name: str, **more: Any) -> dict[str, Any]:
    weights = {"source": "experiment", "experiment": name}
    return {**MAIN, "training": {"weights": weights, **more}}


def test_what_is_learned_before_stands_in_the_order_in_which_it_is_learned() -> None:
    experiments = {"first": MAIN, "then": starting_from("first"), "last": starting_from("then")}
    c = read(**{f"experiments.{name}": entry for name, entry in experiments.items()})
    assert learned_before(c, ["last"]) == ("first", "then")
    assert learned_before(c, ["then", "first"]) == ()
    assert learned_before(c, ["main"]) == ()


def test_an_experiment_has_seen_what_all_have_that_it_goes_back_to() -> None:
    entries = {"first": MAIN, "then": starting_from("first"), "last": starting_from("then")}
    c = read(**{f"experiments.{name}": entry for name, entry in entries.items()})
    assert started_from(c, "last") == ["then", "first"]
    assert started_from(c, "then") == ["first"]
    assert started_from(c, "first") == []
    # And its card has the settings of all.
    assert [*of_publication(c, "last")["experiments"]] == ["last", "then", "first"]


def test_the_jobs_of_an_experiment_end_where_those_of_what_it_starts_from_begin() -> None:
    c = read(**{"experiments.first": MAIN, "experiments.then": starting_from("first")})
    whole = jobs_of_model(c, "then")
    own = jobs_from_models(c, "then", [MODEL.of(experiment="then")])
    assert {job.names["experiment"] for job in whole if "experiment" in job.names} == {
        "first",
        "then",
    }
    assert {job.names["experiment"] for job in own if "experiment" in job.names} == {"then"}
    # The images are listed once, and by whichever comes first.
    assert {job.rule for job in own} >= {"list_images", "finetune", "publish"}


def test_training_waits_for_what_was_trained_and_chosen_there_not_for_what_it_came_to() -> None:
    chosen = {**MAIN, "rounds": 2, "publish": BEST}
    c = read(**{"experiments.first": chosen, "experiments.then": starting_from("first")})
    read_by = finetune(c, experiment="then", arm="selective", seed="0", round="0")
    assert read_by["learned"] == "results/first/model.pt"
    assert {*read_by["learned_in"]} == {
        "results/first/runs/fine-tune-0/round-1/model.pt",
        "results/first/runs/all-source-0/round-1/model.pt",
        "results/first/choice.json",
    }


@pytest.mark.parametrize(
    ("experiments", "words"),
    [
        (
            {"then": starting_from("mian")},
            ["experiments.then.training.weights.experiment: there is no `mian`", "main"],
        ),
        (
            {"then": starting_from("then")},
            ["experiments.then.training.weights.experiment: `then` starts from `then`: one"],
        ),
        (
            {"a": starting_from("b"), "b": starting_from("c"), "c": starting_from("a")},
            ["`a` starts from `b` starts from `c` starts from `a`", "must start from other"],
        ),
        (
            {"then": starting_from("main", network="resnet18")},
            [
                "experiments.then.training.network: the weights come from `main`, which publishes "
                "a resnet152; give resnet152 here, or resnet18 there"
            ],
        ),
        (
            {
                "then": {
                    **MAIN,
                    "arms": {
                        "fine-tune": {
                            "training": {"weights": {"source": "experiment", "experiment": "x"}}
                        }
                    },
                }
            },
            ["experiments.then.arms.fine-tune.training.weights.experiment: there is no `x`"],
        ),
    ],
)
def test_what_cannot_be_started_from_is_named(
    experiments: dict[str, Any], words: list[str]
) -> None:
    told = refusal({f"experiments.{name}": entry for name, entry in experiments.items()})
    for word in words:
        assert word in told


def test_a_fault_of_all_arms_is_told_once() -> None:
    told = refusal({"experiments.then": starting_from("x")})
    assert told.count("there is no `x`") == 1


def test_a_bank_starts_from_no_experiment() -> None:
    weights = {"source": "experiment", "experiment": "main"}
    told = refusal({"banks.alexnet.weights": weights})
    assert "banks.alexnet.weights" in told
    assert "'torchvision', 'file', 'random'" in told
