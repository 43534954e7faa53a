"""All benchmarks, one after the other: one table and one JSON file. What `make benchmark` runs.

    python benchmarks/run_all.py [--output results/benchmark.md] [--data DATA] [--quick]

Each script runs by itself, with one thread. `--quick` checks their results on little, in under two
minutes, several at a time; its times say nothing. Without --data images are made: see
benchmarks/sample_images.py.
"""

import argparse
import importlib.metadata
import multiprocessing
import os
import platform
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from command_line import ONE_THREAD, table, write_results
from other_libraries import LIBRARIES, missing
from sample_images import data_or_made

from sjft.storage.files import read_json

SCRIPTS = (
    *("extraction", "search", "recall", "grid", "looks", "leakage", "listing", "growth"),
    *("training", "starts"),
)
OUTPUT = Path("results/benchmark.md")
VERSIONS = ("numpy", "scipy", "numba", "torch", "torchvision", "annoy", "h5py", "simplejpeg")
HERE = Path(__file__).parent
FORKS = multiprocessing.get_context("forkserver")


def machine() -> dict[str, Any]:
    """What the figures belong to."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "threads used": 1,
        "system": platform.system(),
        "Python": platform.python_version(),
    }


def versions() -> dict[str, str]:
    """Of what is measured and what it is compared with; `not installed` where it is not there."""
    absent = missing()
    names = [*VERSIONS, *(name for name in LIBRARIES.values() if name not in absent)]
    known = {name: importlib.metadata.version(name) for name in names}
    return known | dict.fromkeys(absent, "not installed")


def run(script: str, data: Path, quick: bool, folder: Path) -> dict[str, Any]:
    """Run a script; its tables as Markdown and the object that it has written."""
    output, said = folder / f"{script}.md", folder / f"{script}.txt"
    words = [str(HERE / f"{script}.py"), "--output", str(output), "--data", str(data)]
    if quick:
        # To load torch and numba takes most of the time: it is done once for all.
        process = FORKS.Process(target=run_here, args=([*words, "--quick"], said))
        process.start()
        process.join()
        code = process.exitcode
    else:
        environment = {**os.environ, **ONE_THREAD}
        with said.open("w") as out:
            done = subprocess.run(
                [sys.executable, *words], env=environment, stdout=out, stderr=out, check=False
            )
        code = done.returncode
    if code:
        raise SystemExit(f"benchmarks/{script}.py failed:\n{said.read_text()}")
    print(f"{script}: done", flush=True)
    found = read_json(output.with_suffix(".json"))
    return {"markdown": output.read_text(encoding="utf-8"), "found": found}


def run_here(words: list[str], said: Path) -> None:
    """Run a script in this process, as its only one; what it prints goes to a file."""
    output = os.open(said, os.O_CREAT | os.O_WRONLY)
    os.dup2(output, 1), os.dup2(output, 2)
    sys.argv = words
    sys.path.insert(0, str(HERE))
    runpy.run_path(words[0], run_name="__main__")


def ratios_of(results: dict[str, dict[str, Any]]) -> dict[str, dict[str, float]]:
    """By script: the numbers whose names say that they are ratios."""
    return {
        script: {
            name: value
            for name, value in result["found"].items()
            if " / " in name and isinstance(value, float | int)
        }
        for script, result in results.items()
    }


def text_of(report: dict[str, Any], results: dict[str, dict[str, Any]]) -> str:
    """Ratios first, then every script's own tables."""
    ratios = [
        {"benchmark": script, "ratio": name, "figure": value}
        for script, of_script in report["ratios"].items()
        for name, value in of_script.items()
    ]
    facts = {**report["machine"], **report["versions"], "data": report["data"]}
    parts = ["# Benchmarks\n"]
    if report["quick"]:
        parts.append("Results were checked on little data; **these times say nothing.**\n")
    parts.append(table(ratios))
    parts.append(table([{"what": name, "which": value} for name, value in facts.items()]))
    parts += [f"## {script}\n\n{result['markdown']}" for script, result in results.items()]
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run all scripts and write both files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--scripts", nargs="+", choices=SCRIPTS, default=SCRIPTS)
    chosen = parser.parse_args(arguments)
    if absent := missing():
        print(f"Not installed, and left out: {', '.join(absent)}.", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = data_or_made(chosen.data, folder / "data", chosen.quick).resolve()
        if chosen.quick:
            os.environ.update(ONE_THREAD)  # before the forks' server starts
            FORKS.set_forkserver_preload(["torchvision", "numba"])
        with ThreadPoolExecutor(os.cpu_count() if chosen.quick else 1) as pool:
            jobs = [pool.submit(run, s, data, chosen.quick, folder) for s in chosen.scripts]
            results = {s: job.result() for s, job in zip(chosen.scripts, jobs, strict=True)}
    report = {
        "machine": machine(),
        "versions": versions(),
        "data": "made" if chosen.data is None else str(chosen.data),
        "quick": chosen.quick,
        "ratios": ratios_of(results),
        "benchmarks": {script: result["found"] for script, result in results.items()},
    }
    write_results(chosen.output, text_of(report, results), report)


if __name__ == "__main__":
    main()
