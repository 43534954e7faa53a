"""What it costs to start: a job that loads torch, and Snakemake, whose every job on a cluster does.

    python benchmarks/starts.py --output FILE [--rounds 7] [--quick]

Each of them as it is, and with Python looking for garbage while modules are loaded and at the end
(`sjft.loading`), in turns. Processor seconds of whole processes. Checked: both ways plan the same
jobs of the demo. --data is not used.
"""

import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from command_line import ONE_THREAD, Row, parser_of, tables, write_results

REPOSITORY = Path(__file__).parents[1]
SEARCHING = """
from sjft import loading
loading.put_off_garbage = loading.look_for_garbage = lambda: None
"""
JOB = """
import sys
sys.path.insert(0, "workflow/scripts")
snakemake = None  # as Snakemake puts its own there
import job_runner, evaluate
job_runner.look_for_garbage()
"""
DRY_RUN = """
from snakemake import cli
cli.main(["-n", "--quiet", "rules", "--cores", "1", "--directory", FOLDER, "results/demo/model.pt"])
"""
AS_IT_IS, WITH_SEARCHES = "as it is", "with searches for garbage"


def said(program: str) -> str:
    """Run a program; what it printed."""
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(REPOSITORY / "workflow")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"a start failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def jobs_in(text: str) -> list[str]:
    """Rules and how many jobs they have, from the table of a dry run."""
    return re.findall(r"^\w+ +\d+$", text, re.MULTILINE)


def processor_seconds() -> float:
    """Of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(what: str, program: str, rounds: int) -> Row:
    """Medians of both ways, and their ratio."""
    ways = {AS_IT_IS: program, WITH_SEARCHES: SEARCHING + program}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        outputs = []
        for name, way in ways.items():
            started = processor_seconds()
            outputs.append(jobs_in(said(way)))
            seconds[name].append(processor_seconds() - started)
        assert outputs[0] == outputs[1], outputs
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    ratio = statistics.median(
        own / other for own, other in zip(seconds[AS_IT_IS], seconds[WITH_SEARCHES], strict=True)
    )
    return {"what": what, **{name: round(s, 2) for name, s in medians.items()}, "ratio": ratio}


def main() -> None:
    """Measure both."""
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    if chosen.rounds < 1:
        parser.error(f"--rounds {chosen.rounds}: there must be one at least")
    rounds = 1 if chosen.quick else chosen.rounds
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config").symlink_to(REPOSITORY / "config")
        planned = DRY_RUN.replace("FOLDER", repr(folder))
        # The first start asks networks, and compiles modules.
        assert any(job.startswith("finetune") for job in jobs_in(said(planned)))
        rows = [
            measure("a job that loads torch (`evaluate`)", JOB, rounds),
            measure("Snakemake, a dry run of the demo", planned, rounds),
        ]
    for row in rows:
        row["ratio"] = round(float(row["ratio"]), 2)
    found = {f"{row['what']}: {AS_IT_IS} / {WITH_SEARCHES}": row["ratio"] for row in rows}
    write_results(chosen.output, tables({"Processor seconds of a start": rows}), found)


if __name__ == "__main__":
    main()
