"""Which files the report's page reads, and what it says its jobs have cost."""

import json
from pathlib import Path
from typing import Any

import pytest
from chain import CONFIG
from pydantic import TypeAdapter

from sjft import layout
from sjft.data.columns import ListFile
from sjft.layout import Job
from sjft.pipeline.job_cost import JobCost
from sjft.pipeline.jobs import jobs_behind, jobs_of_model
from sjft.pipeline.report_costs import costs_of_report, measured_jobs
from sjft.pipeline.report_files import digests_of_lists, report_inputs, report_values
from sjft.reports.report_page.inputs import ReportInputs, RuleCost
from sjft.settings.config import Configuration, read_configuration


def configuration(retrieval: dict[str, Any] | None = None, **changes: Any) -> Configuration:
    """The experiment `twice`, of two rounds, with other keys."""
    experiment = CONFIG["experiments"]["twice"] | changes
    retrievals = CONFIG["retrievals"]
    approximate = retrievals["approximate"] | (retrieval or {})
    return read_configuration(
        CONFIG
        | {
            "retrievals": retrievals | {"approximate": approximate},
            "experiments": {"twice": experiment},
        }
    )


@pytest.mark.parametrize("compare", [["selective", "fine-tune"], ["random-source"], ["gabor"], []])
def test_the_page_needs_no_job_that_the_model_does_not(compare: list[str]) -> None:
    c = configuration(publish={"compare": compare})
    behind = jobs_behind(c, [layout.REPORT.of(experiment="twice")])
    page = Job("describe", (("experiment", "twice"),))
    assert behind.keys() == jobs_of_model(c, "twice").keys() | {page}


def test_of_each_arm_the_run_with_the_published_seed_comes_first() -> None:
    publish = {"arm": "selective", "seed": 4, "compare": ["fine-tune", "selective"]}
    c = configuration(seeds=[0, 4, 2], publish=publish)
    assert [(run.arm, run.seed) for run in report_inputs(c, "twice").runs] == [
        (arm, seed) for arm in ("fine-tune", "selective") for seed in (4, 0, 2)
    ]


def test_how_hard_images_are_is_read_of_rounds_that_another_follows() -> None:
    c = configuration(publish={"compare": ["selective", "fine-tune"]})
    runs = {run.arm: run for run in report_inputs(c, "twice").runs}
    known = [bool(of_round.difficulty) for of_round in runs["selective"].rounds]
    assert known == [True, False]
    assert not any(of_round.difficulty for of_round in runs["fine-tune"].rounds)


def test_what_was_not_looked_for_and_not_searched_is_not_read() -> None:
    inputs = report_inputs(configuration(), "twice")
    assert set(inputs.leakage) == {"store"} and inputs.duplicates and inputs.retrievals
    unchecked = configuration({"leakage": {"check": False}})
    inputs = report_inputs(unchecked, "twice")
    assert not inputs.leakage and inputs.duplicates is None
    alone = configuration(publish={"arm": "fine-tune"})
    assert report_inputs(alone, "twice").retrievals == []
    assert report_inputs(alone, "twice").read_in_part == []


def test_each_retrieval_that_a_compared_arm_borrows_by_is_read_the_experiments_own_first() -> None:
    c = configuration(publish={"compare": ["gabor", "fine-tune", "selective"]})
    inputs = report_inputs(c, "twice")
    own, other = inputs.retrievals
    assert (own.name, other.name) == ("approximate", "exhaustive")
    assert own.ranking != other.ranking and own.bins != other.bins
    found = {run.arm: run.retrieval for run in inputs.runs}
    assert found == {"selective": "approximate", "gabor": "exhaustive", "fine-tune": None}
    assert {own.ranking, own.bins, other.ranking, other.bins} <= set(inputs.files())
    # Where the experiment's own is not used, the other is.
    c = configuration(publish={"arm": "gabor", "compare": ["fine-tune"]})
    assert [of.name for of in report_inputs(c, "twice").retrievals] == ["exhaustive"]


def test_of_memory_the_job_that_came_nearest_to_what_it_declared_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = [Job("list_images", (("dataset", name),)) for name in ("a", "b", "c")]
    for job, cost in zip(jobs, [JobCost(90, 100, 1), JobCost(200, 1000, 1)], strict=False):
        Path(job.log).parent.mkdir(parents=True, exist_ok=True)
        Path(job.log).write_text(cost.line() + "\n")
        assert job.benchmark is not None
        Path(job.benchmark).parent.mkdir(parents=True, exist_ok=True)
        Path(job.benchmark).write_text("s\th:m:s\tmax_rss\n1.5\t0:00:01\t80\n")
    told = [(job.rule, job.names) for job in jobs]
    assert costs_of_report(told) == [RuleCost("list_images", 2, 1, 3.0, 90, 100)]


def test_the_jobs_behind_the_model_are_told_as_plain_values() -> None:
    told = measured_jobs(configuration(), "twice")
    assert ("list_images", {"dataset": "store"}) in told
    assert not {"summarise", "publish", "describe"} & {rule for rule, _ in told}


def test_a_users_list_is_read_for_its_other_columns_and_a_change_of_it_is_noticed(
    tmp_path: Path,
) -> None:
    listed = {"reader": "csv", "root": "x", "file": "list.csv", "split_column": None}
    datasets = CONFIG["datasets"] | {"store": listed | {"shards": 2}}
    c = read_configuration(CONFIG | {"datasets": datasets, "data_root": str(tmp_path)})
    images, store = report_inputs(c, "twice").datasets
    assert images.user_list is None
    assert store.user_list == ListFile("list.csv", ",", "path", ["path", "class"])
    # As the job gets them.
    plain = json.loads(json.dumps(report_values(c, "twice")))
    assert TypeAdapter(ReportInputs).validate_python(plain) == report_inputs(c, "twice")
    assert digests_of_lists(c, "twice") == {"store": ""}
    (tmp_path / "x").mkdir()
    found = []
    for camera in ("a", "b"):
        (tmp_path / "x/list.csv").write_text(f"path,class,camera\n1.png,one,{camera}\n")
        found.append(digests_of_lists(c, "twice")["store"])
    assert found[0] != found[1] and "" not in found
