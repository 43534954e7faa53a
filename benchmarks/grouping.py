"""What sending small jobs together saves on a cluster, counted on a real Slurm on this machine.

    python benchmarks/grouping.py --output FILE [--shards 24] [--quick]

Hashes and descriptors of a generated source of some shards, twice: by the Slurm profile with its
groups, and by the same profile without. Two nodes of two cores (tests/support/slurm_cluster.py), of
Debian's slurm-wlm and munge. Counted: Slurm's jobs, and processor time of every Python process on
the nodes, Snakemake's own apart from the scripts', and how often it starts there. Slurm is asked
each second how jobs are, so that the clock does not say what the plug-in's own pauses cost.
Checked: both ways give the same bytes. --data is not used.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from command_line import Row, parser_of, tables, write_results

from sjft import layout
from sjft.storage.files import digest_of_file

REPOSITORY = Path(__file__).parents[1]
sys.path.insert(0, str(REPOSITORY / "tests/support"))

from slurm_cluster import (  # type: ignore[import-not-found]  # noqa: E402
    EAGER,
    Cluster,
    missing,
    running_cluster,
)

PROFILE = REPOSITORY / "workflow/profiles/slurm/config.yaml"
STAGES = (layout.HASHES, layout.DESCRIPTORS)
# A group asks for as many cores as its jobs that run beside each other: no more than a node has.
SIDE_BY_SIDE = 2
# Images go to shards by their names' digests: with so many on average none is empty.
IMAGES_A_SHARD = 24
# Python reads this at its start where its folder is in PYTHONPATH: at its end each process writes
# down its seconds of a processor, behind its process number.
COUNTS = """
import atexit, os, sys, time
from pathlib import Path

def count():
    kind = "script" if "/.snakemake/scripts/" in sys.argv[0] else "snakemake"
    told = Path(os.environ["COUNTED"]) / f"{os.getpid()}-{time.time_ns()}.{kind}"
    told.write_text(str(time.process_time()))

if "COUNTED" in os.environ:
    atexit.register(count)
"""


def configuration(shards: int) -> dict[str, Any]:
    """A source in so many shards, and what describes its images."""
    a_class = -(-shards * IMAGES_A_SHARD // 2)
    source = {
        "reader": "synthetic",
        "contents": ["square", "arrow"],
        "styles": ["hatching", "cells"],
        "per_class": {"train": a_class},
        "size": 32,
        "seed": 1,
        "shards": shards,
    }
    bank = {"type": "gabor", "resize": 32, "crop": 32, "scales": 1, "orientations": 2}
    return {"datasets": {"source": source}, "banks": {"bank": bank}}


def profile_in(folder: Path, *, grouped: bool) -> Path:
    """The profile for Slurm, without its groups unless they are wanted."""
    values = yaml.safe_load(PROFILE.read_text(encoding="utf-8"))
    if not grouped:
        for key in ("groups", "group-components"):
            del values[key]
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return folder


@contextmanager
def counted(folder: Path) -> Iterator[dict[str, str]]:
    """Variables under which every Python process writes down what it took."""
    (folder / "hook").mkdir(parents=True)
    (folder / "counted").mkdir()
    (folder / "hook/sitecustomize.py").write_text(COUNTS, encoding="utf-8")
    yield {"PYTHONPATH": str(folder / "hook"), "COUNTED": str(folder / "counted")}


def seconds_of(kind: str, folder: Path, but: int) -> list[float]:
    """Processor seconds of each process of a kind, but of one, by its number."""
    found = sorted((folder / "counted").glob(f"*.{kind}"))
    return [float(path.read_text()) for path in found if not path.name.startswith(f"{but}-")]


def run(folder: Path, cluster: Cluster, shards: int, *, grouped: bool) -> tuple[Row, list[str]]:
    """Make all shards' files in a fresh folder; what it took, and their digests."""
    (folder / "config").mkdir(parents=True)
    (folder / "config/config.yaml").write_text(yaml.safe_dump(configuration(shards)))
    names = {"dataset": "source", "part": "train", "bank": "bank"}
    targets = [
        stage.of(**names, shard=f"{shard:04d}") for stage in STAGES for shard in range(shards)
    ]
    command = [sys.executable, "-c", EAGER, *targets, "--directory", str(folder)]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--latency-wait", "20"]
    command += ["--workflow-profile", str(profile_in(folder / "profile", grouped=grouped))]
    command += ["--resources", f"side_by_side={SIDE_BY_SIDE}"]
    before, started = len(cluster.finished()), time.monotonic()
    with counted(folder / "seconds") as variables, (folder / "run.log").open("w") as log:
        process = subprocess.Popen(
            command, env=cluster.environment | variables, stdout=log, stderr=log
        )
        if process.wait():
            raise SystemExit((folder / "run.log").read_text(encoding="utf-8")[-4000:])
    seconds = time.monotonic() - started
    jobs = len(cluster.finished()) - before
    of_scripts, of_snakemake = (
        seconds_of(kind, folder / "seconds", process.pid) for kind in ("script", "snakemake")
    )
    row = {
        "way": "grouped by the profile" if grouped else "each job by itself",
        "jobs": 2 * shards + 2,
        "of Slurm's": jobs,
        "seconds by the clock": round(seconds),
        "core-seconds of scripts": round(sum(of_scripts)),
        "of Snakemake on the nodes": round(sum(of_snakemake)),
        "its starts": len(of_snakemake),
        "a start": round(sum(of_snakemake) / len(of_snakemake), 1),
    }
    return row, [digest_of_file(folder / target) for target in targets]


def main() -> None:
    """Run both ways, compare, and write the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--shards", type=int, default=24)
    chosen = parser.parse_args()
    if chosen.shards < 1:
        parser.error(f"--shards {chosen.shards}: a source has at least one")
    if reason := missing():
        raise SystemExit(reason)
    shards = 2 if chosen.quick else chosen.shards
    with tempfile.TemporaryDirectory() as scratch, running_cluster() as cluster:
        (cluster.folder / "finished.log").touch()
        grouped, same = run(Path(scratch) / "grouped", cluster, shards, grouped=True)
        alone, digests = run(Path(scratch) / "alone", cluster, shards, grouped=False)
    if digests != same:
        raise SystemExit("with groups and without there are other bytes")
    heading = f"{2 * shards + 2} jobs of {shards} shards, {os.cpu_count()} cores"
    rows = [grouped, alone]
    write_results(chosen.output, tables({heading: rows}), {"tables": {heading: rows}})


if __name__ == "__main__":
    main()
