"""How time and memory grow with the source: the workflow itself, on 5,000 to 80,000 source images.

    python benchmarks/growth.py --output FILE [--data DATA] [--quick] [--scratch FOLDER]

Runs Snakemake from the listing to the first round's subset, with the default search and with the
exact one, on sources of several sizes in shards of 5,000; source images are crops and mirror images
of photographs. Every job's log says what memory it took and what its rule declared. Per stage, the
processor time of all its jobs and the peak of its largest one are fitted by a power of the source's
size. Checked: no job over its declared memory, and no power over 1.05. One core, an hour; a few
GB on the disk of --scratch. See benchmarks/photographs.py for DATA.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml
from command_line import ONE_THREAD, Row, parser_of, tables, write_results
from PIL import ImageOps
from sample_images import WEIGHTS, Images, data_or_made, images_in

from sjft import layout
from sjft.data.pixels import load_rgb
from sjft.layout import File
from sjft.pipeline.job_cost import JobCost, read_job_cost
from sjft.pipeline.jobs import jobs_behind
from sjft.settings.config import read_configuration

REPOSITORY = Path(__file__).parents[1]
SIZES, QUICK_SIZES = (5_000, 10_000, 20_000, 40_000, 80_000), (120,)
A_SHARD, QUICK_SHARD = 5_000, 120
LARGEST_POWER = 1.05
LEAST_SECONDS = 5.0
BACKENDS, QUICK_BACKENDS = ("annoy", "exact"), ("annoy",)
SEARCHING = ("search_shard", "merge_neighbours")
Costs = dict[str, list[JobCost]]


def make_sources(photographs: Images, images: int, folder: Path) -> None:
    """Images 000000.jpg and so on: random crops, of 80 to 100 % a side, and mirror images.

    The order is drawn, so that the first few thousand show every photograph as often as all do.
    """
    folder.mkdir(parents=True)
    originals = np.random.default_rng(0).permutation(images) % len(photographs.paths)
    for number, original in enumerate(originals):
        rng = np.random.default_rng(number)
        image = load_rgb(photographs.root / photographs.paths[original])
        width, height = (round(side * rng.uniform(0.8, 1)) for side in image.size)
        left = int(rng.integers(0, image.width - width + 1))
        top = int(rng.integers(0, image.height - height + 1))
        image = image.crop((left, top, left + width, top + height))
        if rng.random() < 0.5:
            image = ImageOps.mirror(image)
        image.save(folder / f"{number:06d}.jpg", quality=90)


def configuration(
    data: Path, photographs: Path, images: int, shards: int, kept: int
) -> dict[str, Any]:
    """One target, the first ``images`` source images, and an experiment for each backend."""
    bank = {
        "type": "cnn",
        "network": "squeezenet1_1",
        "weights": {"source": "file", "path": str((data / WEIGHTS).resolve())},
        "layers": ["features.0", "features.3.squeeze"],
        "resize": 128,
        "crop": 112,
    }
    target = {"reader": "image_folder", "root": str((data / "flowers17").resolve())}
    source = {"reader": "csv", "root": str(photographs.resolve()), "file": str(images) + ".csv"}
    retrieval = {"bank": "small", "neighbours_on_file": kept}
    experiment = {"target": "target", "source": "source", "selection": {"initial_neighbours": 10}}
    return {
        "datasets": {
            "target": {**target, "splits": {"train": "train", "test": "test"}},
            "source": {**source, "split_column": None, "shards": shards},
        },
        "banks": {"small": bank},
        "retrievals": {
            "annoy": retrieval,
            "exact": {**retrieval, "backend": "exact", "leakage": {"check": False}},
        },
        "experiments": {name: {**experiment, "retrieval": name} for name in BACKENDS},
    }


def run_workflow(folder: Path, config: dict[str, Any], backends: tuple[str, ...]) -> None:
    """Run Snakemake in ``folder`` up to the first round's subsets, one job at a time."""
    (folder / "config").mkdir(parents=True)
    (folder / "config/config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", *wanted(backends), "--directory", str(folder)]
    command += ["--snakefile", str(REPOSITORY / "Snakefile"), "--cores", "1"]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(REPOSITORY / "workflow")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"snakemake failed in {folder}:\n{done.stdout}{done.stderr}")


def wanted(backends: tuple[str, ...]) -> list[File]:
    """The first round's subset with each backend, and the target's duplicates."""
    first = {"arm": "selective", "seed": 0, "round": 0}
    subsets = [layout.SUBSET.of(experiment=name, **first) for name in backends]
    return [*subsets, layout.DUPLICATES.of(retrieval="annoy", target="target")]


def costs_of(folder: Path, config: dict[str, Any], backends: tuple[str, ...]) -> Costs:
    """What the jobs have cost, by stage; the search's stages apart for each backend."""
    costs: Costs = {}
    for job in sorted(jobs_behind(read_configuration(config), wanted(backends))):
        log = folder / job.log
        name = f"{job.rule}, {job.names['retrieval']}" if job.rule in SEARCHING else job.rule
        cost = read_job_cost(log)
        if cost is None:
            raise SystemExit(f"{log}: does not say what the job took. Does this system have /proc?")
        costs.setdefault(name, []).append(cost)
    return costs


def recall_of(folder: Path) -> dict[str, float]:
    """The recall that the run with the default search has measured, by depth."""
    lists = layout.NEIGHBOURS.of(retrieval="annoy", target="target", source="source")
    with h5py.File(folder / lists) as file:
        pairs = zip(file["recall_depth"][:], file["recall"][:], strict=True)
        return {str(depth): round(float(share), 4) for depth, share in pairs}


def power(sizes: list[int], figures: list[float]) -> float:
    """The power of the size that fits best: least squares of the logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(figures), 1)[0])


def rows_of(
    by_size: dict[int, Costs], figure: Callable[[list[JobCost]], float], least: float
) -> list[Row]:
    """A row a stage: a figure at each size, and the power that fits them where all is above 0.

    None is fitted where the figure stays below ``least``: that is all start and chance.
    """
    sizes, rows = list(by_size), []
    for stage in by_size[sizes[-1]]:
        figures = [figure(by_size[size][stage]) for size in sizes]
        row: Row = {"stage": stage}
        row |= {f"{s:,}": round(f, 2) for s, f in zip(sizes, figures, strict=True)}
        fitted = len(sizes) > 1 and min(figures) > 0 and max(figures) >= least
        row["power"] = round(power(sizes, figures), 3) if fitted else ""
        rows.append(row)
    return rows


def seconds_of(costs: list[JobCost]) -> float:
    """Processor time of all jobs."""
    return sum(cost.seconds for cost in costs)


def peak_of(costs: list[JobCost]) -> float:
    """Memory of the largest job."""
    return max(cost.peak for cost in costs)


def against_declared(by_size: dict[int, Costs]) -> list[Row]:
    """A row a stage: the job of all sizes that comes nearest to what its rule declares."""
    rows = []
    for stage in by_size[max(by_size)]:
        jobs = [(cost, size) for size, costs in by_size.items() for cost in costs[stage]]
        cost, size = max(jobs, key=lambda job: job[0].peak / job[0].declared)
        share = round(cost.peak / cost.declared, 2)
        row = {"stage": stage, "source images": size, "jobs": len(jobs)}
        rows.append({**row, "MB": cost.peak, "declared": cost.declared, "share": share})
    return rows


def measure(chosen: argparse.Namespace, scratch: Path) -> dict[str, list[Row]]:
    """Run the workflow at every size."""
    sizes = QUICK_SIZES if chosen.quick else SIZES
    a_shard = QUICK_SHARD if chosen.quick else A_SHARD
    data = data_or_made(chosen.data, scratch / "data", chosen.quick)
    photographs = scratch / "photographs"
    make_sources(images_in(data, "miniimagenet/train"), max(sizes), photographs)
    by_size: dict[int, Costs] = {}
    recalls = []
    for size in sizes:
        lines = ["path,class", *(f"{n:06d}.jpg,class-{n % 100:02d}" for n in range(size))]
        (photographs / f"{size}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        folder = scratch / str(size)
        kept = min(500, size // 10)
        config = configuration(data, photographs, size, -(-size // a_shard), kept)
        backends = QUICK_BACKENDS if chosen.quick else BACKENDS
        run_workflow(folder, config, backends)
        by_size[size] = costs_of(folder, config, backends)
        recalls.append({"source images": size, "K": kept, **recall_of(folder)})
        print(f"{size}: {recalls[-1]}", flush=True)
    return {
        "Processor seconds of all jobs": rows_of(by_size, seconds_of, LEAST_SECONDS),
        "Peak memory of the largest job, MB": rows_of(by_size, peak_of, 0),
        "Peak memory against what the rule declares": against_declared(by_size),
        "Recall of the default search": recalls,
    }


def check(found: dict[str, list[Row]]) -> None:
    """No job over its memory; no power over the largest that is allowed."""
    for row in found["Peak memory against what the rule declares"]:
        assert row["MB"] < row["declared"], row
    for heading in ("Processor seconds of all jobs", "Peak memory of the largest job, MB"):
        for row in found[heading]:
            assert row["power"] == "" or row["power"] <= LARGEST_POWER, (heading, row)


def main() -> None:
    """Measure, write the tables, and check."""
    parser = parser_of(__doc__)
    parser.add_argument("--scratch", type=Path, help="an empty folder on a disk with room")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.scratch) as folder:
        found = measure(chosen, Path(folder))
    write_results(chosen.output, tables(found), {"tables": found})
    check(found)


if __name__ == "__main__":
    main()
