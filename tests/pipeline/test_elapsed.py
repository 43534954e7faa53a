"""How long jobs take by the clock, beside each other."""

import pytest

from sjft.layout import Job
from sjft.pipeline.elapsed import Demand, at_least, elapsed


def job(rule: str, arm: str, seed: int = 0, number: int = 0) -> Job:
    names = {"arm": arm, "experiment": "e", "round": str(number), "seed": str(seed)}
    return Job(rule, tuple(names.items()))


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
        job("finetune", "selective"): (),
        job("score_difficulty", "selective"): (job("finetune", "selective"),),
        job("finetune", "selective", number=1): (job("score_difficulty", "selective"),),
        **{job("finetune", "fine-tune", seed): () for seed in range(3)},
    }
    assert elapsed(jobs, lambda _: Demand(10, threads, alone), cores) == seconds
    demands = dict.fromkeys(jobs, Demand(10, threads, alone))
    bound = at_least(list(jobs), jobs, demands, cores)
    # No job is said to be alone there, and none waits for cores that others leave half empty.
    assert bound == (30 if alone else {(3, 2): 40}.get((cores, threads), seconds))


def test_a_job_of_which_nothing_is_known_takes_no_time() -> None:
    jobs = {job("finetune", "a"): (), job("finetune", "b"): (job("finetune", "a"),)}
    known = {job("finetune", "b"): Demand(8, 1, False)}
    assert at_least(list(jobs), jobs, known, 4) == 8
    assert at_least([], {}, {}, 4) == 0
