"""What Snakemake would hand to Slurm: profile and rules as it reads them, without a Slurm."""

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from chain import Chain

# Where the first job would be sent, all that need to run are written down instead, by the plug-in's
# own functions.
_LISTENER = """
import json, os, sys
from snakemake import cli, workflow as snakemake_workflow
from snakemake_executor_plugin_slurm.submit_string import get_submit_command
from snakemake_executor_plugin_slurm.utils import set_gres_string
from snakemake_executor_plugin_slurm.validation import validate_slurm_extra

def known(job):
    return {k: v for k, v in job.resources.items() if not k.startswith("_")}

def listen(workflow, *_):
    grouped = {id(g): g for g in map(workflow.dag.get_job_group, workflow.dag.needrun_jobs()) if g}
    groups = [
        {"rules": sorted(job.rule.name for job in group), "resources": known(group)}
        for group in grouped.values()
    ]
    jobs, settings = [], workflow.executor_settings
    of_slurm = settings if hasattr(settings, "requeue") else None
    for job in workflow.dag.needrun_jobs():
        validate_slurm_extra(job)
        unseen = ("run_uuid", "slurm_logfile", "comment_str", "account", "workdir")
        names = dict.fromkeys(unseen, "")
        partition = job.resources.get("slurm_partition")
        names["partition"] = f"--partition={partition}" if partition else ""
        call = get_submit_command(job, names, of_slurm) + set_gres_string(job)
        # What is not known yet is a text.
        held = known(job)
        job.attempt = 2
        numbers = [k for k in ("mem_mb", "runtime") if isinstance(held.get(k), int)]
        again = {k: job.resources.get(k) for k in numbers}
        jobs.append(
            {"rule": job.rule.name, "call": call.split(), "resources": held, "again": again}
        )
    limits = {name: workflow.global_resources[name].value for name in workflow.global_resources}
    told = {k: str(v) for k, v in vars(of_slurm).items()} if of_slurm else {}
    seen = [jobs, limits, told, os.environ.get("SJFT_GPUS"), groups]
    print("SEEN" + json.dumps(seen), flush=True)
    raise SystemExit(0)

snakemake_workflow.JobScheduler = listen
cli.main(sys.argv[1:])
"""


@dataclass(frozen=True)
class Submitted:
    """The jobs of a run, what is limited, the plug-in's settings, and GPUs that are handed out.

    Of a job: its rule, words of the call of sbatch, resources, and memory and time ``again`` for
    its second attempt. Of a group of jobs: their rules, and what it asks for as a whole.
    """

    jobs: list[dict[str, Any]]
    limits: dict[str, Any]
    settings: dict[str, str]
    handed_out: str | None
    groups: list[dict[str, Any]]

    def calls(self, rule: str) -> list[list[str]]:
        return [job["call"] for job in self.jobs if job["rule"] == rule]

    def sizes_of_groups(self) -> dict[tuple[str, ...], list[int]]:
        """How many jobs the groups of some rules have."""
        sizes: dict[tuple[str, ...], list[int]] = {}
        for group in self.groups:
            sizes.setdefault(tuple(sorted(set(group["rules"]))), []).append(len(group["rules"]))
        return sizes

    def rules_with(self, word: str) -> set[str]:
        return {job["rule"] for job in self.jobs if word in job["call"]}


def submitted(chain: Chain, *arguments: str, env: dict[str, str] | None = None) -> Submitted:
    """What `snakemake` with these arguments would submit."""
    done = subprocess.run(
        [sys.executable, "-c", _LISTENER, *arguments],
        cwd=chain.root,
        env=chain.environment(env),
        capture_output=True,
        text=True,
        check=False,
    )
    seen = [line for line in done.stdout.splitlines() if line.startswith("SEEN")]
    assert len(seen) == 1, done.stdout + done.stderr
    return Submitted(*json.loads(seen[0].removeprefix("SEEN")))
