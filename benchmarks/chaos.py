"""The chain under random SIGKILLs of jobs and of Snakemake: what it ends with, and what that costs.

    python benchmarks/chaos.py --output FILE [--rounds 20] [--seed 0] [--target FILE]

An undisturbed run first. Then rounds in fresh folders: at moments drawn from the seed a job is
killed, or Snakemake alone (its jobs go on beside the next start), or all together; the same command
is given again until the target is there. Checked: every file that does not hold times has the
undisturbed run's bytes, there is no other file, and none is half written.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # Snakemake brings it
from command_line import Row, parser_of, tables, write_results

from sjft.settings.merging import CONFIG_FILE
from sjft.storage.files import digest_of_file

REPOSITORY = Path(__file__).parents[1]
VICTIMS = ("job", "controller", "all")
MOST_KILLS = 6
# Files beside the results, and those that say how long something took.
BESIDE = ("logs", "benchmarks", "checkpoints")
TIMED = ("history.csv", "history.csv.digest", "model_card.md")


@dataclass
class Disturbed:
    """A folder in which the command is given until the target is there; ``kills`` by victim."""

    folder: Path
    workflow: Path
    target: str
    kills: dict[str, int] = field(default_factory=lambda: dict.fromkeys(VICTIMS, 0))
    jobs: int = 0
    seconds: float = 0.0

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Give the command, with the workflow's own configuration."""
        config = self.folder / CONFIG_FILE
        if not config.exists():
            config.parent.mkdir(parents=True)
            config.write_bytes((self.workflow / CONFIG_FILE).read_bytes())
        command = [sys.executable, "-m", "snakemake", self.target, "--cores", "2", *more]
        command += [
            "--snakefile",
            str(self.workflow / "Snakefile"),
            "--directory",
            str(self.folder),
        ]
        command += ["--rerun-incomplete"]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        with (self.folder / "run.log").open("ab") as log:
            return subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def begun(self) -> int:
        """How many jobs have begun so far, in all starts."""
        log = (self.folder / "run.log").read_text(encoding="utf-8", errors="replace")
        return log.count("\nJob ")

    def finish(self, moments: random.Random, usual: int) -> None:
        """Run to the end, with kills soon after one of the ``usual`` number of jobs has begun."""
        started = time.monotonic()
        for _ in range(moments.randint(1, MOST_KILLS)):
            process = self.start()
            until = self.begun + moments.randint(1, usual)
            while process.poll() is None and self.begun < until:
                time.sleep(0.05)
            time.sleep(moments.uniform(0, 0.5))
            self._kill(process, moments.choice(VICTIMS))
            process.wait()
            self.start("--unlock").wait()
        for _ in range(2):  # jobs of a controller that was killed may have been in the way once
            process = self.start()
            if process.wait() == 0:
                break
            self.start("--unlock").wait()
        self.seconds = time.monotonic() - started
        log = (self.folder / "run.log").read_text(encoding="utf-8", errors="replace")
        if process.returncode:
            raise SystemExit(f"{self.folder}: did not end well:\n{log[-4000:]}")
        self.jobs = self.begun

    def _kill(self, process: subprocess.Popen[bytes], victim: str) -> None:
        if process.poll() is not None:
            return
        scripts = [
            child
            for child in psutil.Process(process.pid).children(recursive=True)
            if any("/.snakemake/scripts/" in word for word in _words(child))
        ]
        if victim == "job" and scripts:
            scripts[0].kill()
        elif victim == "all":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            victim = "controller"
            process.kill()
        self.kills[victim] += 1

    def digests(self) -> dict[str, str]:
        """Of all results that say nothing of time, by path."""
        results = self.folder / "results"
        found = {}
        for path in sorted(results.rglob("*")):
            name = path.relative_to(results)
            timed = path.name in TIMED or (path.suffix == ".json" and "index" in name.parts)
            if path.is_file() and name.parts[0] not in BESIDE:
                found[str(name)] = "" if timed else digest_of_file(path)
        return found


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:  # it has ended meanwhile
        return []


def wait_for_orphans(folder: Path) -> None:
    """Jobs whose Snakemake was killed end by themselves; their files are looked at after that."""
    for process in psutil.process_iter():
        if any(str(folder) in word and "/.snakemake/scripts/" in word for word in _words(process)):
            process.wait()


def compare(found: dict[str, str], expected: dict[str, str], name: str) -> None:
    """Stop, naming the files, where a round ended with others or with other bytes."""
    more, less = sorted(found.keys() - expected.keys()), sorted(expected.keys() - found.keys())
    other = sorted(path for path in found.keys() & expected.keys() if found[path] != expected[path])
    if more or less or other:
        raise SystemExit(f"{name}: left over {more}, missing {less}, with other bytes {other}")


def measure(
    workflow: Path, target: str, rounds: int, seed: int, scratch: Path
) -> Iterator[list[Row]]:
    """Run all rounds: a row for the undisturbed run and one for each so far, after every round."""
    plain = Disturbed(scratch / "undisturbed", workflow, target)
    started = time.monotonic()
    if plain.start().wait():
        raise SystemExit((plain.folder / "run.log").read_text(encoding="utf-8")[-4000:])
    plain.seconds = time.monotonic() - started
    plain.jobs = plain.begun
    expected, rows = plain.digests(), [_row("undisturbed", plain, plain)]
    for number in range(rounds):
        disturbed = Disturbed(scratch / f"round-{number}", workflow, target)
        disturbed.finish(random.Random(f"{seed}-{number}"), plain.jobs)
        wait_for_orphans(disturbed.folder)
        compare(disturbed.digests(), expected, f"seed {seed}, round {number}")
        shutil.rmtree(disturbed.folder)
        rows.append(_row(str(number), disturbed, plain))
        yield rows


def _row(name: str, run: Disturbed, plain: Disturbed) -> Row:
    return {
        "round": name,
        "jobs killed": run.kills["job"],
        "Snakemake killed": run.kills["controller"],
        "all killed": run.kills["all"],
        "jobs started": run.jobs,
        "of them again": run.jobs - plain.jobs,
        "seconds": round(run.seconds, 1),
    }


def main() -> None:
    """Measure, check, and write the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", default="results/demo/model.pt")
    parser.add_argument("--workflow", type=Path, default=REPOSITORY, help="a Snakefile's folder")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        workflow = chosen.workflow.resolve()
        # Rounds take minutes: what there is so far is kept.
        for rows in measure(workflow, chosen.target, chosen.rounds, chosen.seed, Path(scratch)):
            heading = f"{chosen.target}, {len(rows) - 1} rounds, seed {chosen.seed}"
            write_results(chosen.output, tables({heading: rows}), {"tables": {heading: rows}})


if __name__ == "__main__":
    main()
