"""The library knows Snakemake's own jobs: of every shipped experiment, and of one of all kinds."""

import copy
import json
import subprocess
import sys
from typing import Any

import pytest
import yaml
from chain import CONFIG, REPOSITORY, Chain, copy_workflow

from sjft import layout
from sjft.layout import Job
from sjft.pipeline.jobs import files_read_by, jobs_behind, jobs_of_model
from sjft.settings.config import Configuration, read_configuration
from sjft.settings.merging import merged

# A dry run without looking at data, of which most is not here; all jobs on stdout.
PROGRAM = """
import contextlib, io, json, sys
from snakemake import cli
from snakemake.dag import DAG
from sjft.checks.before_jobs import BeforeJobs

BeforeJobs.look_first = lambda self, *names: None
BeforeJobs.state = lambda self, dataset: None
BeforeJobs.file = BeforeJobs.originals = lambda self, *names: ""
made = DAG.__init__
def remember(self, *arguments, **named):
    made(self, *arguments, **named)
    remember.dag = self
DAG.__init__ = remember
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):
    cli.main(["--quiet", "all", "-n", "--cores", "2", *sys.argv[1:]])
print(json.dumps([
    {"rule": job.rule.name, "names": dict(job.wildcards.items()), "inputs": list(job.input),
     "outputs": list(job.output), "log": list(job.log), "benchmark": job.benchmark}
    for job in remember.dag.jobs
]))
"""
# All arms with two seeds, two sources, a second retrieval, an own arm, and fusion.
EVERYTHING: dict[str, Any] = {
    **CONFIG["experiments"]["tiny"],
    "source": ["store", "attic"],
    "rounds": 3,
    "seeds": [0, 4],
    "training": {
        **CONFIG["experiments"]["tiny"]["training"],
        "weights": {"source": "torchvision", "name": "IMAGENET1K_V1"},
        "source_head": "pretrained",
    },
    "arms": {
        "gabor": {"retrieval": "exhaustive"},
        "many": {"selection": {"initial_neighbours": 3}},
        "as_many": {"like": "random-source", "as_many_as": "many"},
    },
    "publish": {"arm": "random-source", "compare": ["selective", "gabor", "as_many"]},
    "ablation": {"seeds": [0, 4], "fusion": ["selective", "gabor", "tiny/selective"]},
}


def all_experiments() -> dict[str, Any]:
    """The shipped configuration and the tests' own in one, with few shards."""
    shipped = yaml.safe_load((REPOSITORY / "config/config.yaml").read_text(encoding="utf-8"))
    values = merged(shipped, copy.deepcopy(CONFIG))
    values["datasets"]["attic"] = {**CONFIG["datasets"]["store"], "on_bad_image": "skip"}
    values["experiments"]["everything"] = EVERYTHING
    for settings in values["datasets"].values():
        settings["shards"] = min(3, settings.get("shards", 1))
    return values


def ablated(c: Configuration) -> list[str]:
    """The experiments with an ablation of arms that can all be run."""
    return [
        name
        for name, e in c.experiments.items()
        if name not in {"own", "absent"} and all(map(e.is_complete, e.ablation_arms))
    ]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Configuration, list[Any]]:
    """The configuration, and all jobs of one dry run for all its experiments."""
    chain: Chain = copy_workflow(tmp_path_factory.mktemp("dag") / "run")
    values = all_experiments()
    (chain.root / "config/config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    c = read_configuration(values)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *targets(c)],
        cwd=chain.root,
        env=chain.environment({"PYTHONPATH": str(chain.root / "workflow")}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return c, json.loads(done.stdout.splitlines()[-1])


def targets(c: Configuration) -> list[layout.File]:
    models = [layout.MODEL.of(experiment=name) for name in c.experiments]
    ablations = [layout.ABLATION.of(experiment=name) for name in ablated(c)]
    pages = [p.of(experiment="everything") for p in (layout.EXPLORER, layout.REPORT)]
    return [*models, *ablations, *pages]


def test_every_job_reads_writes_and_logs_what_the_library_says(
    compared: tuple[Configuration, list[Any]],
) -> None:
    c, planned = compared
    snakemakes = {Job(job["rule"], tuple(sorted(job["names"].items()))): job for job in planned}
    jobs = jobs_behind(c, targets(c))
    assert jobs.keys() == snakemakes.keys() - {Job("all", ())}
    for job in jobs:
        expected = snakemakes[job]
        assert set(files_read_by(c, job)) == set(expected["inputs"]), job
        made = {p.of(**job.names) for p in layout.PATTERNS if p.rule == job.rule}
        assert made == set(expected["outputs"]), job
        assert [job.log] == expected["log"]
        assert job.benchmark == expected["benchmark"]


def test_all_kinds_of_experiments_were_among_them(
    compared: tuple[Configuration, list[Any]],
) -> None:
    c, planned = compared
    rules = {job["rule"] for job in planned}
    of_people = {"fetch_dataset"}  # nothing that is asked for here needs it
    assert rules == (layout.MEASURED.keys() | layout.NOT_MEASURED.keys()) - of_people
    assert {j.names["arm"] for j in jobs_behind(c, targets(c)) if j.rule == "validate"} == {
        "selective",
        "fine-tune",
    }
    assert {"demo", "indoor67_hybrid", "everything"} <= set(ablated(c))
    arms = {job.names["arm"] for job in jobs_of_model(c, "everything") if "arm" in job.names}
    assert arms == {"random-source", "selective", "gabor", "as_many", "many"}
