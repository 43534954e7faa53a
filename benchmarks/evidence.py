"""Does it help? Runs the queue of config/evidence.yaml bit by bit, and writes its pages.

    python benchmarks/evidence.py --data FOLDER [--hours 2] [--renew] [--only NAME ...] [--seeds N]
    python benchmarks/evidence.py --collect FOLDER --machine NAME

A piece is one seed of one experiment: all its arms. The experiments are run in the queue's order,
each with all its seeds before the next.
Each finished run becomes a row of docs/evidence/runs.csv, and is not made again. The runs use a
clone of this repository at one commit (`.evidence/`), so that work on the program reruns none of
them; `--renew` takes the commit of now. Interrupted, it goes on where it was. What asks for a GPU
waits where there is none.

`--collect` records the runs that were made elsewhere, on a cluster or a machine with a GPU: FOLDER
is a clone of this repository with their `results/`, NAME what they ran on.

What FOLDER holds: docs/evidence-by-experiment.md.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from evidence_record import Record, Run, answers_of, settings_digest
from evidence_report import pages_of, report
from run_all import machine

from sjft import layout
from sjft.errors import UserError
from sjft.evaluation.probabilities import read_probabilities
from sjft.pipeline import runs
from sjft.pipeline.costs import costs_of
from sjft.pipeline.gpus import gpus_here
from sjft.reports.summary import style_share
from sjft.selection.subset import read_manifest
from sjft.settings.config import Configuration, read_configuration
from sjft.settings.splits import VALIDATION_SPLIT
from sjft.storage.files import read_json

ROOT = Path(__file__).parents[1]
QUEUE = ROOT / "config" / "evidence.yaml"
Sections = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Piece:
    """One seed of one experiment: the arms that are not in the record."""

    experiment: str
    seed: int
    arms: tuple[str, ...]


def read_queue(queue: Path = QUEUE) -> tuple[Sections, Configuration]:
    """The queue's own entries as they are written, and the configuration with them.

    Raises `UserError` where they do not fit the program.
    """
    written: Sections = yaml.safe_load(queue.read_text(encoding="utf-8"))
    shipped = yaml.safe_load((ROOT / "config" / "config.yaml").read_text(encoding="utf-8"))
    for section, entries in written.items():
        shipped[section] = {**shipped[section], **entries}
    return {**shipped, "experiments": written["experiments"]}, read_configuration(shipped)


def pieces(written: Sections, configuration: Configuration, record: Record) -> Iterator[Piece]:
    """What is still to be run: experiment by experiment, seed by seed."""
    for name in written["experiments"]:
        digest = settings_digest(written, name)
        experiment = configuration.experiments[name]
        for seed in experiment.ablation.seeds:
            arms = tuple(
                arm for arm in experiment.ablation_arms if not record.has(name, arm, seed, digest)
            )
            if arms:
                yield Piece(name, seed, arms)


def prepare_clone(clone: Path, commit: str | None) -> str:
    """Clone the repository where that is not done, at ``commit`` or that of now; which it is."""
    if not clone.exists():
        _git("clone", "--quiet", "--no-checkout", str(ROOT), str(clone))
        wanted = commit or "HEAD"
        if _git("-C", str(clone), "cat-file", "-e", f"{wanted}^{{commit}}", check=False)[0]:
            print(f"commit {wanted} is not here: the program of now is run", flush=True)
            wanted = "HEAD"
        _git("-C", str(clone), "checkout", "--quiet", "--detach", wanted)
    elif commit is None:
        _git("-C", str(clone), "fetch", "--quiet", "origin")
        now = _git("-C", str(ROOT), "rev-parse", "HEAD")[1]
        _git("-C", str(clone), "checkout", "--quiet", "--detach", now)
    return _git("-C", str(clone), "rev-parse", "HEAD")[1]


def _git(*arguments: str, check: bool = True) -> tuple[int, str]:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise SystemExit(f"git {' '.join(arguments)} failed:\n{done.stderr}")
    return done.returncode, done.stdout.strip()


def runnable(waiting: Iterator[Piece], configuration: Configuration) -> Iterator[Piece]:
    """What this machine can run: all but what asks for a GPU, where there is none."""
    has_gpu = bool(gpus_here(os.environ))
    for piece in waiting:
        if has_gpu or configuration.experiments[piece.experiment].training.device != "cuda":
            yield piece


def wanted_of(piece: Piece, judged_by: str) -> list[str]:
    """The files of a piece's runs that say how good they are."""
    patterns = [layout.EVALUATION, layout.PROBABILITIES]
    if judged_by != VALIDATION_SPLIT:
        patterns.append(layout.VALIDATION)
    return [
        runs.Run(piece.experiment, arm, piece.seed).file(pattern)
        for arm in piece.arms
        for pattern in patterns
    ]


def run_piece(piece: Piece, judged_by: str, clone: Path, data: Path) -> bool:
    """Have Snakemake make a piece's runs in the clone, at low priority; whether it could."""
    targets = wanted_of(piece, judged_by)
    snakemake = ["nice", "-n", "19", sys.executable, "-m", "snakemake", "--cores", "1"]
    common = ["--configfile", str(QUEUE), "--config", f"data_root={data.resolve()}"]
    # What a killed run has left: only this process uses the clone.
    subprocess.run([*snakemake, "--unlock", *common], cwd=clone, capture_output=True, check=False)
    log = clone / "evidence.log"
    with log.open("a", encoding="utf-8") as file:
        done = subprocess.run(
            [*snakemake, *targets, *common], cwd=clone, stdout=file, stderr=file, check=False
        )
    if done.returncode:
        print(f"{piece.experiment}, seed {piece.seed}: failed; see {log}", flush=True)
    return done.returncode == 0


def trained_on(device: str) -> str:
    """What a run of here was trained on: the GPU, where it asked for one."""
    return torch.cuda.get_device_name() if device == "cuda" else str(machine()["processor"])


def results_of(
    piece: Piece, clone: Path, configuration: Configuration, digest: str, commit: str, on: str
) -> Iterator[tuple[Run, list[int]]]:
    """The piece's finished runs, and the labels of the images that they were judged by.

    ``on`` names the machine that made them.
    """
    experiment = configuration.experiments[piece.experiment]
    for arm in piece.arms:
        made = runs.Run(piece.experiment, arm, piece.seed)
        measured = read_json(clone / made.file(layout.EVALUATION))
        found = read_probabilities(clone / made.file(layout.PROBABILITIES))
        order = np.argsort(np.array(found.paths))
        right = (found.values.argmax(axis=1) == found.labels)[order]
        subset, targets = (
            clone / runs.trained_file(configuration, made, pattern, experiment.rounds - 1)
            for pattern in (layout.SUBSET, layout.TARGETS)
        )
        manifest = read_manifest(subset, targets)
        run = Run(
            piece.experiment,
            arm,
            piece.seed,
            digest,
            commit[:12],
            measured["split"],
            len(right),
            measured["mean_class_accuracy"],
            measured["accuracy"],
            len(manifest.subset),
            style_share(manifest),
            seconds_of_training(clone, configuration, made),
            answers_of(right),
            _validated(clone, made, measured["split"]),
            on,
        )
        yield run, found.labels[order].tolist()


def _validated(clone: Path, run: runs.Run, judged_by: str) -> float | None:
    """The mean class accuracy on the validation split, where that is not what judges the run."""
    if judged_by == VALIDATION_SPLIT:
        return None
    return float(read_json(clone / run.file(layout.VALIDATION))["mean_class_accuracy"])


def seconds_of_training(clone: Path, configuration: Configuration, run: runs.Run) -> float | None:
    """Of the rounds that this run has trained itself; None where not all were measured."""
    jobs = [
        run.file_of_round(layout.MODEL_OF_ROUND, number).job
        for number in range(configuration.experiments[run.experiment].rounds)
        if runs.trained_in(configuration, run, number) == run
    ]
    costs = costs_of(jobs, clone)
    if any(cost.not_measured for cost in costs):
        return None
    return round(sum(cost.seconds for cost in costs), 1)


def main() -> None:
    """Run pieces until all are done or the time is over; write the report after each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder of the photographs and weights")
    parser.add_argument(
        "--clone", type=Path, default=ROOT / ".evidence", help="where runs are made"
    )
    parser.add_argument("--record", type=Path, default=ROOT / "docs" / "evidence")
    parser.add_argument("--hours", type=float, default=float("inf"), help="begin no piece later")
    parser.add_argument("--renew", action="store_true", help="run the program of now from here on")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these experiments alone")
    parser.add_argument("--seeds", type=int, metavar="N", help="the first N of each experiment")
    parser.add_argument("--report", action="store_true", help="write the report alone")
    parser.add_argument("--collect", type=Path, metavar="FOLDER", help="record runs made elsewhere")
    parser.add_argument("--machine", metavar="NAME", help="what those ran on")
    chosen = parser.parse_args()
    if chosen.seeds is not None and chosen.seeds < 1:
        parser.error(f"--seeds {chosen.seeds}: a number of at least 1")
    written, configuration = read_queue()
    record = Record(chosen.record)
    if chosen.collect:
        if not chosen.machine:
            parser.error("--collect: name what the runs were made on, with --machine")
        collect(chosen.collect, chosen.machine, written, configuration, record)
    elif not chosen.report:
        if chosen.data is None or not chosen.data.is_dir():
            raise SystemExit(f"--data {chosen.data}: name the folder of photographs and weights.")
        _work(chosen, written, configuration, record)
    report(record, written, configuration)
    print(f"wrote {' and '.join(map(str, pages_of(record)))}")


def collect(
    folder: Path, on: str, written: Sections, configuration: Configuration, record: Record
) -> None:
    """Record the runs that a clone of this repository holds, made on another machine.

    A run that lacks one of its files is left for later, and counted.
    """
    commit, found, lacking = _git("-C", str(folder), "rev-parse", "HEAD")[1], 0, 0
    for piece in list(pieces(written, configuration, record)):
        judged_by = configuration.experiments[piece.experiment].evaluation.split
        digest = settings_digest(written, piece.experiment)
        for arm in piece.arms:
            one = replace(piece, arms=(arm,))
            there = [(folder / path).is_file() for path in wanted_of(one, judged_by)]
            lacking += any(there) and not all(there)
            if all(there):
                for run, labels in results_of(one, folder, configuration, digest, commit, on):
                    record.add(run, labels)
                    found += 1
    print(f"recorded {found} runs of {folder}; {lacking} were not finished", flush=True)


def _work(
    chosen: argparse.Namespace, written: Sections, configuration: Configuration, record: Record
) -> None:
    commit = prepare_clone(chosen.clone, None if chosen.renew else record.last_commit())
    if unknown := set(chosen.only or ()) - set(written["experiments"]):
        raise SystemExit(f"--only: {', '.join(sorted(unknown))} is not in {QUEUE}.")
    end = time.monotonic() + chosen.hours * 3600
    failed: set[tuple[str, int]] = set()
    while time.monotonic() < end:
        waiting = runnable(pieces(written, configuration, record), configuration)
        wanted = (p for p in waiting if _is_wanted(p, chosen, configuration))
        piece = next((p for p in wanted if (p.experiment, p.seed) not in failed), None)
        if piece is None:
            break
        print(f"{piece.experiment}, seed {piece.seed}: {', '.join(piece.arms)}", flush=True)
        judged_by = configuration.experiments[piece.experiment].evaluation.split
        if not run_piece(piece, judged_by, chosen.clone, chosen.data):
            failed.add((piece.experiment, piece.seed))
            continue
        digest = settings_digest(written, piece.experiment)
        try:
            on = trained_on(configuration.experiments[piece.experiment].training.device)
            for run, labels in results_of(piece, chosen.clone, configuration, digest, commit, on):
                record.add(run, labels)
        except UserError as error:
            raise SystemExit(
                f"{error}\nIf commit {commit[:12]}, which makes the runs, writes files of another "
                "version than this program reads, go on with the program of now: --renew."
            ) from None
        report(record, written, configuration)
    if failed:
        raise SystemExit(f"{len(failed)} pieces failed: {sorted(failed)}")


def _is_wanted(piece: Piece, chosen: argparse.Namespace, configuration: Configuration) -> bool:
    seeds = configuration.experiments[piece.experiment].ablation.seeds[: chosen.seeds]
    return piece.seed in seeds and (not chosen.only or piece.experiment in chosen.only)


if __name__ == "__main__":
    main()
