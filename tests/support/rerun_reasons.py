"""What each job's rule goes by under many configurations, from the rules themselves.

Started by a test in a process of its own: the workflow is loaded once, and then asked for the
params and input files of every job under each configuration in turn.
"""

import json
import sys
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    ResourceSettings,
)


def facts_of(job: Any) -> dict[str, Any]:
    """Params and input files of a job, as the rule's functions give them now."""
    rule, wildcards = job.rule, job.wildcards
    inputs = rule.expand_input(wildcards)[0]
    params = rule.expand_params(wildcards, job.input, job.output, job)
    params = params[0] if isinstance(params, tuple) else params
    return {
        "params": {name: repr(value) for name, value in params.items()},
        "inputs": sorted(map(str, inputs)),
    }


def label(job: Any) -> str:
    """A job's rule, with the arm and round where it has them."""
    names = dict(job.wildcards.items())
    place = [names[name] for name in ("arm", "round") if name in names]
    return f"{job.rule.name} {' '.join(place)}".strip()


def place(job: Any) -> tuple[str, ...]:
    """What a job is of, without the shard."""
    names = dict(job.wildcards.items())
    return (job.rule.name, *(f"{key}={names[key]}" for key in sorted(names) if key != "shard"))


def facts_under(
    configuration: dict[str, Any], jobs: dict[tuple[str, ...], Any], world: dict[str, Any]
) -> dict[tuple[str, ...], dict[str, Any]]:
    """The facts of all jobs under a configuration, which takes the place of the loaded one."""
    world["CONFIG"] = world["read_configuration"](configuration)
    before = world["BEFORE"]
    # The rules have its methods: it cannot be another one.
    object.__setattr__(before, "c", world["CONFIG"])
    for known in (before._states, before._seen):
        known.clear()
    before.__dict__.pop("asked", None)
    return {key: facts_of(job) for key, job in jobs.items()}


def main(snakefile: str, requests: str, answers: str) -> None:
    asked = json.loads(Path(requests).read_text(encoding="utf-8"))
    with SnakemakeApi(OutputSettings(quiet={Quietness.ALL}, stdout=False)) as api:
        loaded = api.workflow(
            resource_settings=ResourceSettings(cores=1),
            config_settings=ConfigSettings(),
            snakefile=Path(snakefile),
        )
        loaded.dag(DAGSettings(targets=set(asked["targets"]))).printrulegraph()
        workflow = loaded._workflow
        # The first shard stands for all.
        in_order = sorted(workflow.dag.jobs, key=lambda job: str(job.output), reverse=True)
        jobs = {place(job): job for job in in_order}
        world = workflow.globals
        # What is asked for here need not work: it is not run.
        object.__setattr__(world["BEFORE"], "look_first", lambda *needed: None)
        before = facts_under(asked["base"], jobs, world)
        changes = {}
        for name, configuration in asked["changed"].items():
            after = facts_under(configuration, jobs, world)
            changes[name] = sorted({label(jobs[p]) for p in jobs if before[p] != after[p]})
    answer = {"jobs": sorted(set(map(label, jobs.values()))), "changes": changes}
    Path(answers).write_text(json.dumps(answer), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
