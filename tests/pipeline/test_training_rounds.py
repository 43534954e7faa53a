"""Which rounds are trained for a comparison, and how long they take beside each other."""

from typing import Any

import pytest
from chain import CONFIG

from sjft.pipeline.training_rounds import Demand, Job, compared_runs, elapsed, jobs_of_training
from sjft.settings.config import read_configuration
from sjft.settings.experiment import ExperimentSettings


def experiment(rounds: int = 2, **publish: Any) -> ExperimentSettings:
    of_two_rounds = {**CONFIG["experiments"]["tiny"], "rounds": rounds, "publish": publish}
    values = {**CONFIG, "experiments": {"tiny": of_two_rounds}}
    return read_configuration(values).experiments["tiny"]


def names(jobs: dict[Job, tuple[Job, ...]], rule: str) -> list[str]:
    return sorted(f"{job.arm}-{job.seed}/{job.round}" for job in jobs if job.rule == rule)


def test_the_published_run_alone_is_trained_round_by_round() -> None:
    jobs = jobs_of_training(experiment(rounds=3))
    assert names(jobs, "finetune") == [f"selective-0/{number}" for number in range(3)]
    assert names(jobs, "score_difficulty") == ["selective-0/0", "selective-0/1"]
    assert names(jobs, "evaluate") == ["selective-0/2"]
    assert jobs[Job("finetune", "selective", 0, 0)] == ()
    assert Job("score_difficulty", "selective", 0, 0) in jobs[Job("finetune", "selective", 0, 1)]


def test_random_source_needs_what_the_size_of_the_selection_follows_from() -> None:
    jobs = jobs_of_training(experiment(arm="random-source"))
    # The last round of `selective` is selected for, but neither trained nor evaluated.
    assert names(jobs, "finetune") == ["random-source-0/0", "random-source-0/1", "selective-0/0"]
    assert names(jobs, "score_difficulty") == ["selective-0/0"]
    assert names(jobs, "evaluate") == ["random-source-0/1"]
    waits = jobs[Job("finetune", "random-source", 0, 1)]
    assert Job("score_difficulty", "selective", 0, 0) in waits


def test_a_first_round_that_arms_share_is_trained_once() -> None:
    jobs = jobs_of_training(experiment(compare=["selective", "no-iteration"]))
    assert names(jobs, "finetune") == ["no-iteration-0/1", "selective-0/0", "selective-0/1"]
    assert names(jobs, "score_difficulty") == ["selective-0/0"]


def test_every_seed_of_the_compared_arms_is_a_run() -> None:
    with_seeds = experiment(compare=["fine-tune"]).model_copy(update={"seeds": (0, 3)})
    assert compared_runs(with_seeds) == [("fine-tune", 0), ("fine-tune", 3), ("selective", 0)]
    assert len(jobs_of_training(with_seeds)) == 3 * 3 + 1


@pytest.mark.parametrize(
    ("cores", "threads", "alone", "seconds"),
    [
        (1, 1, False, 60),  # one after the other
        (2, 1, False, 30),
        (3, 2, False, 60),  # of two threads each, no two fit
        (9, 1, False, 30),  # `selective` waits for itself
        (2, 8, False, 60),  # a job that wants more cores than there are has all of them
        (9, 1, True, 60),  # one GPU
    ],
)
def test_jobs_run_beside_each_other_as_far_as_cores_and_order_let_them(
    cores: int, threads: int, alone: bool, seconds: float
) -> None:
    jobs = {
        Job("finetune", "selective", 0, 0): (),
        Job("score_difficulty", "selective", 0, 0): (Job("finetune", "selective", 0, 0),),
        Job("finetune", "selective", 0, 1): (Job("score_difficulty", "selective", 0, 0),),
        **{Job("finetune", "fine-tune", seed, 0): () for seed in range(3)},
    }
    assert elapsed(jobs, lambda job: Demand(10, threads, alone), cores) == seconds
