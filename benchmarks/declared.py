"""What jobs take of memory and time, and what their rules declare for them.

    python benchmarks/declared.py --output FILE [--quick]

Runs the demo with its pages, and the same chain with 20,000 source images, a network's filter bank
and a larger network in training (a few updates: memory is the same after the first). Each job's log
says what it took and what was declared. To what it took is added what Snakemake's own processes
take in a job on a cluster. Checked: no job takes more than is declared.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from command_line import Row, parser_of, tables, write_results

from sjft import layout
from sjft.pipeline.costs import costs_of
from sjft.pipeline.job_cost import read_job_cost
from sjft.pipeline.jobs import Jobs, jobs_behind
from sjft.pipeline.memory import SNAKEMAKE_MB
from sjft.settings.config import read_configuration
from sjft.settings.merging import CONFIG_FILE, merged_values

REPOSITORY = Path(__file__).parents[1]
NAME = "demo"
# Of the source's eight classes each.
A_CLASS, A_CLASS_QUICK = 2500, 40
BANK = {
    "type": "cnn",
    "network": "squeezenet1_1",
    "weights": {"source": "random"},
    "layers": ["features.0", "features.3.squeeze"],
    "resize": 128,
    "crop": 112,
}
TRAINING = {"network": "resnet18", "input_size": 112, "resize": [112, 128], "updates": 4}


def values_of(size: str, quick: bool) -> dict[str, Any]:
    """The shipped configuration, with the demo as it is or with 20,000 source images."""
    values = merged_values([REPOSITORY / CONFIG_FILE])
    training = values["experiments"][NAME]["training"] | ({"updates": 2} if quick else {})
    if size != NAME:
        source = values["datasets"]["demo_source"]
        source["per_class"]["train"], source["shards"] = A_CLASS_QUICK if quick else A_CLASS, 4
        values["banks"]["of_a_network"] = BANK
        kept = 200 if quick else 1000
        values["retrievals"]["demo"] |= {"bank": "of_a_network", "neighbours_on_file": kept}
        values["experiments"][NAME]["evaluation"]["scales"] = [128]
        training = {**training, **TRAINING, "learning_rate_steps": 3}
    values["experiments"][NAME]["training"] = {**training, "learning_rate_steps": 1}
    return values


def run(folder: Path, values: dict[str, Any], targets: list[layout.File]) -> Jobs:
    """Run Snakemake in a folder; all jobs behind the targets."""
    (folder / "config").mkdir(parents=True)
    (folder / CONFIG_FILE).write_text(yaml.safe_dump(values), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", *targets, "--directory", str(folder)]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "2"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "workflow")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"snakemake failed in {folder}:\n{done.stdout}{done.stderr}")
    return jobs_behind(read_configuration(values), targets)


def rows_of(folder: Path, jobs: Jobs) -> list[Row]:
    """A row a rule: its job that comes nearest to what is declared."""
    nearest: dict[str, tuple[int, int]] = {}
    for job in jobs:
        cost = read_job_cost(folder / job.log)
        if cost is None:
            raise SystemExit(f"{job.log}: does not say what the job took. Has this system /proc?")
        found = cost.peak, cost.declared
        nearest[job.rule] = max(nearest.get(job.rule, found), found, key=lambda f: f[0] / f[1])
    seconds = {cost.rule: cost.seconds / max(1, cost.jobs) for cost in costs_of(jobs, folder)}
    return [
        {
            "rule": rule,
            "MB": peak + SNAKEMAKE_MB,
            "declared": declared,
            "share": round((peak + SNAKEMAKE_MB) / declared, 2),
            "seconds a job": round(seconds[rule], 1) if rule in seconds else "",
        }
        for rule, (peak, declared) in nearest.items()
    ]


def main() -> None:
    """Run both, write the tables, and check."""
    chosen = parser_of(__doc__).parse_args()
    targets = [pattern.of(experiment=NAME) for pattern in (layout.MODEL, layout.REPORT)]
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for size in (NAME, "20,000 source images"):
            folder = Path(scratch) / size.replace(" ", "-")
            found[size] = rows_of(folder, run(folder, values_of(size, chosen.quick), targets))
    write_results(chosen.output, tables(found), {"tables": found})
    for rows in found.values():
        for row in rows:
            assert row["MB"] <= row["declared"], row


if __name__ == "__main__":
    main()
